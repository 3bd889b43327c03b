import BackupCore
import TestSupport
import Testing

/// Quotes, comments and brackets of old scripts, behind which a dump may be hidden.
@Suite struct ScheduleImportQuotesTests {
    @Test(arguments: [
        "X=$(\n# don't\ntrue\n)", "X=$(echo \"a \\\" b\")", "X=$(echo \"$(echo \"b\") c\")", "echo it\\'s",
        "X=\"$(echo 'a)')\"", "cat <<'X'\nit's $(\nX", "case x in (a) ;; esac", "X=${Y:-\"a}b\"}", "echo ${#X} # isn't",
        "x=a#b'c'",
    ])
    func `quotes and comments hide no dump behind them`(text: String) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\n\(text)\npg_dump app\n")
        #expect(try ScheduleImportTests.jobs(found) == ["app | *-*-* *:00:00"], "\(found.schedule)")
        #expect(!found.notes.contains { $0.text.contains("has no end") }, "\(ScheduleImportTests.told(found))")
    }

    @Test(arguments: ["echo \"open", "X=$(echo", "X=${Y", "echo 'open", "X=$((1 +", "cat <<X", "echo `open"])
    func `a quote without an end is told, for what follows is not read`(text: String) throws {
        let found = try ScheduleImportTests.read("#!/bin/bash\npg_dump app\n\(text)\npg_dump b\n")
        #expect(
            found.notes.contains { $0.line == 3 && $0.text.contains("has no end") },
            "\(ScheduleImportTests.told(found))")
    }
}

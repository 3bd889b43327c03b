import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

/// Scripts of chance, run by bash at some moments and followed by `import-cron`: both find the same dumps.
@Suite struct ScheduleImportOracleTests {
    /// Weekday, hour and the day in November 2026: a Monday, a Wednesday, a Saturday and a Sunday.
    private static let moments = [
        (1, 0, 23), (1, 2, 23), (1, 6, 23), (1, 8, 23), (1, 9, 23), (1, 12, 23), (1, 18, 23), (1, 23, 23), (3, 6, 25),
        (3, 10, 25), (3, 14, 25), (6, 2, 28), (6, 8, 28), (7, 0, 29), (7, 4, 29), (7, 8, 29), (7, 20, 29),
    ]

    /// `date`, `pg_dump` and `docker` as the script finds them in its PATH.
    private static func install(in folder: String) throws {
        let programs = [
            "date": "exec /bin/date -d \"$MOMENT\" \"$@\"",
            "pg_dump": "for last; do :; done\necho \"$SLOT $last\" >> \"$FOUND\"",
            "docker": "while [ \"$1\" != pg_dump ]; do shift; done\nexec \"$@\"",
        ]
        for (name, text) in programs {
            try Data("#!/bin/sh\n\(text)\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/\(name)")
        }
    }

    /// By database, the moments at which bash makes a dump, as `weekday * 100 + hour`.
    private static func dumps(of script: String, in folder: String) async throws -> [String: Set<Int>] {
        let (path, found) = ("\(folder)/old.sh", "\(folder)/found")
        try Data(script.utf8).write(to: URL(fileURLWithPath: path))
        try Data().write(to: URL(fileURLWithPath: found))
        let calls = moments.map { weekday, hour, day in
            "SLOT=\(weekday * 100 + hour) MOMENT='2026-11-\(day) \(hour):00:00' bash \(path) > /dev/null 2>&1"
        }
        let driver = "export PATH=\(folder):$PATH TZ=UTC FOUND=\(found)\n" + calls.joined(separator: "\n")
        _ = try await run("bash", ["-c", driver])
        var dumps: [String: Set<Int>] = [:]
        for line in String(decoding: try Data(contentsOf: URL(fileURLWithPath: found)), as: UTF8.self).split(
            separator: "\n")
        {
            let words = line.split(separator: " ")
            dumps[String(words[1]), default: []].insert(try #require(Int(words[0])))
        }
        return dumps
    }

    /// The same of the schedule that was written.
    private static func times(of schedule: Schedule) throws -> [String: Set<Int>] {
        var times: [String: Set<Int>] = [:]
        for job in schedule.jobs {
            for (weekday, hour, day) in moments {
                // The first of November 2026 was day 20,758.
                let moment = Date(timeIntervalSince1970: Double((20_758 + day - 1) * 86_400 + hour * 3600))
                if job.trigger.next(after: moment - 1, in: job.zone) == moment {
                    times[job.database, default: []].insert(weekday * 100 + hour)
                }
            }
        }
        return times
    }

    /// What is written is what bash does, and where it is not a note says so; never is a dump lost.
    private static func compare(_ script: String, in folder: String) async throws {
        let expected = try await dumps(of: script, in: folder)
        let found = try ScheduleImportTests.read(script)
        let written = try times(of: ScheduleImportTests.decode(found))
        let slots = Set(moments.map { $0.0 * 100 + $0.1 })
        for (database, times) in expected {
            let doubted = found.notes.contains {
                $0.text.hasPrefix("whether \(database) is dumped hangs") || $0.text.contains("that is not followed")
                    || $0.text.hasPrefix("whether it goes on behind this")
            }
            let changed = found.notes.contains {
                $0.text.hasPrefix("\(database) was backed up at")
                    || $0.text.hasPrefix("\(database) was backed up never")
                    || $0.text.hasPrefix("\(database) was backed up every")
            }
            let literal = (found.literalTimes[database] ?? []).intersection(slots)
            #expect(literal.isSuperset(of: times), "\(database) is lost at \(times.subtracting(literal))\n\(script)")
            #expect(literal == times || doubted, "\(database): \(literal.symmetricDifference(times))\n\(script)")
            let now = written[database] ?? []
            #expect(
                now.isSuperset(of: times) || changed,
                "\(database) is not written at \(times.subtracting(now))\n\(script)")
            #expect(now == literal || changed, "\(database): \(now.symmetricDifference(literal))\n\(script)")
        }
        for (database, times) in written where expected[database] == nil {
            #expect(
                found.notes.contains {
                    $0.text.contains("\(database) was backed up") || $0.text.hasPrefix("whether \(database)")
                },
                "\(database) is written at \(times)\n\(script)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `bash makes the dumps that are written, of scripts of many kinds`(seed: UInt64) async throws {
        try await withTemporaryFolder { folder in
            try Self.install(in: folder)
            var chance = ScriptOfChance(seed: seed)
            for _ in 0..<12 { try await Self.compare(chance.script(), in: folder) }
        }
    }
}

/// Scripts such as people write, put together of pieces.
struct ScriptOfChance {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    private mutating func one(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "" }

    private mutating func hours() -> [String] {
        let all = ["0", "00", "2", "02", "6", "06", "8", "08", "9", "09", "12", "18", "20", "23"]
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in all.randomElement(using: &random) ?? "12" }
    }

    /// Always with a dump each hour, so that there is a schedule to write.
    mutating func script() -> String {
        let clock = one([
            "HOUR=$(date +%H)", "HOUR=$((10#$(date +%H)))", "HOUR=`date +%H`",
            "read -r HOUR _ <<< \"$(date '+%H %u')\"",
            "HOUR=$(date +%H); HOUR=${HOUR#0}", "HOUR=$(date +%H | sed 's/^0//')", "NOW=$(date +%H%M); HOUR=${NOW:0:2}",
            "printf -v HOUR '%(%H)T' \"$(date +%s)\"; HOUR=$(date +%-H)",
        ])
        let parts = [
            "#!/bin/bash", one(["set -u", "set -o pipefail", ""]), clock, "DAY=$(date +%u)", backup(), due(), lists(),
            lone(), lone(), "backup_one always",
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private mutating func backup() -> String {
        let dump = one([
            "pg_dump -Fc \"$1\" > /dev/null", "docker exec -i db pg_dump -U postgres -Fc \"$1\" > /dev/null",
            "if ! OUT=$(pg_dump -Fc \"$1\" 2>&1 > /dev/null); then return 1; fi",
            "local db=$1; local file=/dev/null; pg_dump -Fc \"${db}\" > \"$file\" || return 1",
            "sh -c \"pg_dump -Fc $1 > /dev/null\"", "set -- pg_dump -Fc \"$1\"; \"$@\" > /dev/null",
            "local cmd=\"pg_dump -Fc\"; $cmd $1 | cat > /dev/null",
        ])
        return "backup_one() {\n    \(dump)\n}"
    }

    /// `due HOUR…` says whether one of them is now.
    private mutating func due() -> String {
        let body = one([
            "for h in \"$@\"; do [ \"$h\" = \"$HOUR\" ] && return 0; done; return 1",
            "local h; for h in $*; do if [ \"$h\" -eq \"$HOUR\" ]; then return 0; fi; done; return 1",
            "case \" $* \" in *\" $HOUR \"*) return 0 ;; esac; return 1",
            "[[ \" $* \" == *\" $HOUR \"* ]]",
            "[[ \"$HOUR\" =~ ^(06|12|$1)$ ]]", "[[ $HOUR =~ ^0?(6|8|$1)$ ]] || return 1",
            "while [ $# -gt 0 ]; do [ \"$1\" = \"$HOUR\" ] && return 0; shift; done; false",
            "local -A set=(); for h in \"$@\"; do set[$h]=1; done; [ \"${set[$HOUR]:-0}\" = 1 ]",
            "(( 10#$HOUR == 10#$1 )) && return; [ \"$HOUR\" = \"${2:-none}\" ]",
            "! [ \"$HOUR\" != \"$1\" ]", "[ \"${HOUR#0}\" -lt $((10#$1)) ] && [ $DAY != 7 ]",
            "local list=\"$*\"; [ \"${list%% *}\" = \"$HOUR\" ] || [ \"${list##* }\" = \"$HOUR\" ]",
        ])
        return "due() {\n    \(body)\n}"
    }

    private mutating func lists() -> String {
        let (one, two, three) = (hours(), hours(), hours())
        let comma = [one, two, three].map { $0.joined(separator: ",") }
        let blank = [one, two, three].map { $0.joined(separator: " ") }
        return self.one([
            """
            declare -A TIMES=([a]="\(blank[0])" [b]="\(blank[1])")
            TIMES[c]="\(blank[2])"
            for db in "${!TIMES[@]}"; do
                if due ${TIMES[$db]}; then backup_one "$db"; fi
            done
            """,
            """
            ENTRIES=("a:\(comma[0]):30" "b:\(comma[1]):14")
            ENTRIES+=("c:\(comma[2]):4")
            for entry in "${ENTRIES[@]}"; do
                db="${entry%%:*}"; rest="${entry#*:}"; times="${rest%:*}"
                due ${times//,/ } && backup_one "$db"
            done
            """,
            """
            for entry in a:\(comma[0]) b:\(comma[1]) c:\(comma[2]); do
                IFS=: read -r db times <<< "$entry"
                IFS=',' read -ra list <<< "$times"
                if due "${list[@]}"; then backup_one "$db"; fi
            done
            """,
            """
            while IFS=: read -r db times keep; do
                [ -z "$db" ] && continue
                case "$db" in '#'*) continue ;; esac
                due $(echo "${times}") && backup_one "$db" "$keep"
            done <<EOF
            # the databases
            a:\(blank[0]):30

            b:\(blank[1]):14
            c:\(blank[2]):4
            EOF
            """,
            """
            DBS="a b"
            DBS+=" c"
            for db in $DBS; do
                case $db in
                    a) due \(blank[0]) || continue ;;
                    b) due \(blank[1]) || continue ;;
                    *) [ $DAY = 7 ] && break ;;
                esac
                backup_one $db
            done
            """,
            """
            NAMES=(a b c); HOURS=("\(blank[0])" "\(blank[1])" "\(blank[2])")
            for ((i = 0; i < ${#NAMES[@]}; i++)); do
                due ${HOURS[$i]} || continue
                backup_one "${NAMES[i]}"
            done
            """,
            """
            i=0; set -- a b c
            printf '%s\\n' "$@" | while read -r db; do
                if (( i % 2 == 0 )); then due \(blank[0]) && backup_one "$db"; else due \(blank[1]) && backup_one "$db"; fi
                i=$((i + 1))
            done
            """,
        ])
    }

    private var count = 0

    private mutating func lone() -> String {
        count += 1
        let (db, hour, other) = ("x\(count)", hours()[0], hours()[0])
        let number = Int(hour) ?? 0
        let test = one([
            "[ \"$HOUR\" = \"\(hour)\" ]", "[ $HOUR -eq \(hour) ]", "[[ $HOUR == 0[1-8] ]]",
            "(( 10#$HOUR >= \(number) ))",
            "[ $((10#$HOUR % 6)) -eq 0 ]", "[[ \"$HOUR\" =~ ^(\(hour)|\(other))$ ]]", "[[ $HOUR == @(1|2)* ]]",
            "[ $DAY -eq 7 -a \"$HOUR\" = \"\(hour)\" ]",
            "[[ ! $DAY -lt 6 && ( $HOUR == \(hour) || $HOUR == \(other) ) ]]",
            "[ \"$DAY$HOUR\" = 7\(hour) ]", "[ \"$(date +%a)\" = Sun ]",
        ])
        return one([
            "if \(test); then backup_one \(db); else :; fi", "\(test) && backup_one \(db)",
            "\(test) || backup_one \(db)",
            "SKIP=0\n\(test) && SKIP=1\n[ $SKIP = 1 ] || backup_one \(db)",
            "( \(test) || exit 1; backup_one \(db) )",
            "case \"$HOUR\" in \(hour)|\(other)) backup_one \(db) ;;& 1*) backup_one \(db)y ;; *) [ $DAY = 3 ] && backup_one \(db)z ;; esac",
            "once() {\n    \(test) || return 0\n    backup_one \(db)\n}\nonce",
            "DBS_\(count)=()\n\(test) && DBS_\(count)+=(\(db))\nfor d in ${DBS_\(count)[@]+\"${DBS_\(count)[@]}\"}; do backup_one $d; done",
            "until \(test); do backup_one \(db); break; done",
            "[ -d / ] && \(test) && backup_one \(db)", "[ -d /none ] || \(test) || backup_one \(db)",
            "L=(no \(db) \(db)y); \(test) && for d in \"${L[@]:1}\"; do backup_one $d; done",
            "for h in {\(hour),\(other)}; do [ \"$h\" = \"$HOUR\" ] && backup_one \(db); done",
            "for h in {08..20..\(number + 1)}; do [ $h = $HOUR ] && backup_one \(db){,_y}; done",
        ])
    }
}

import BackupCore
import Foundation
import Testing

/// From facts to verdicts, without a host.
@Suite struct DoctorFindingTests {
    @Test(arguments: [
        ("0 2 * * * /opt/backup-all-databases.sh", [1]),
        ("# m h dom\n\n0 */6 * * * root bash -c 'cd /opt && ./backup-all-databases.sh' >/dev/null 2>&1", [3]),
        ("#0 2 * * * /opt/backup-all-databases.sh\n  # backup-all-databases.sh", []),
        ("@daily backup-all-databases.sh\n@hourly x\n@reboot /a/backup-all-databases.sh;y", [1, 3]),
        ("SCRIPT=/opt/backup-all-databases.sh\r\n", [1]),
        ("0 2 * * * /opt/backup-all-databases.sh.disabled\n1 1 * * * not-backup-all-databases.sh", []),
        ("0 2 * * * /x/old-backup-all-databases.sh || /x/backup-all-databases.sh", [1]), ("", []),
        ("1 1 * * * x\r\n\u{0}\tbackup-all-databases.sh", [2]),
    ])
    func `lines of cron that call the old script`(file: String, numbers: [Int]) {
        #expect(OldJob.lines(in: file, .crontab).map(\.number) == numbers)
    }

    @Test(arguments: [
        (
            "[Unit]\nDescription=In place of backup-all-databases.sh\n[Service]\nExecStart=/opt/backup-all-databases.sh",
            [4]
        ),
        ("[Service]\nExecStart=/bin/sh -c \\\n  # no\n  /opt/backup-all-databases.sh\nExecStartPost=/bin/true", [4]),
        (";ExecStart=/opt/backup-all-databases.sh\n#ExecStart=/opt/backup-all-databases.sh", []),
        ("Documentation=file:/opt/backup-all-databases.sh\nExecStart=/bin/true", []),
    ])
    func `units that call the old script`(file: String, numbers: [Int]) {
        #expect(OldJob.lines(in: file, .unit).map(\.number) == numbers)
    }

    @Test func `a line is told as it stands, and one with a password is not`() {
        let lines = OldJob.lines(
            in: "  0 2 * * * PGPASSWORD=geheim /opt/backup-all-databases.sh \n 1 1 * * *  backup-all-databases.sh  ",
            .crontab)
        #expect(lines.map(\.text) == ["(not shown: there is a password in it)", "1 1 * * *  backup-all-databases.sh"])
    }

    @Test(arguments: [
        ("running", "healthy", CheckResult.Outcome.pass), ("running", "", .pass), ("running", "none", .pass),
        ("running", "unhealthy", .fail), ("running", "starting", .fail), ("paused", "healthy", .fail),
        ("exited", "", .fail), ("restarting", "unhealthy", .fail), ("created", "", .fail), ("dead", "", .fail),
    ])
    func `a container passes when it runs and nobody says that it is ill`(
        state: String, health: String, outcome: CheckResult.Outcome
    ) {
        let result = CheckResult.container("c", state: state, health: health)
        #expect(result.outcome == outcome && result.check == .containers && (result.mend == nil) == (outcome == .pass))
    }

    @Test(arguments: [(0, true), (15_999_999, true), (16_000_000, false), (.max, false)])
    func `a clock is synchronised below sixteen seconds`(error: Int, passes: Bool) {
        #expect((CheckResult.clock(maximumErrorMicroseconds: error).outcome == .pass) == passes)
    }

    @Test(arguments: [
        ("enabled", "active", true), ("alias", "active", true), ("enabled", "reloading", true),
        ("enabled", "failed", false), ("enabled", "inactive", false), ("enabled", "activating", false),
        ("disabled", "active", false), ("masked", "inactive", false), ("", "inactive", false),
        ("enabled-runtime", "active", false),
    ])
    func `a unit passes when it is begun at boot and runs now`(enabled: String, active: String, passes: Bool) {
        #expect((CheckResult.unit("u", enabled: enabled, active: active).outcome == .pass) == passes)
        #expect(
            CheckResult.unit("u", enabled: enabled, active: "").outcome
                == (passes || enabled == "enabled" ? .skipped : .fail))
    }

    @Test(arguments: [
        (0o600, true, true, true, true), (0o400, true, true, true, true), (0o640, true, true, false, true),
        (0o644, true, true, false, true), (0o604, true, true, false, true), (0o620, true, true, false, false),
        (0o666, true, true, false, false), (0o600, false, true, false, false), (0o600, true, false, false, false),
    ])
    func `a secret is for one, a schedule is written by one`(
        mode: Int, isFile: Bool, isReadable: Bool, secret: Bool, schedule: Bool
    ) {
        let rights = CheckResult.Rights(mode: UInt32(mode), isFile: isFile, isReadable: isReadable)
        #expect((CheckResult.secret("/f", rights).outcome == .pass) == secret)
        #expect((CheckResult.schedule("/f", rights).outcome == .pass) == schedule)
    }

    @Test(arguments: [
        (0o755, nil, false), (0o775, nil, true), (0o757, nil, true), (0o1777, nil, false), (0o700, "app", true),
        (0o1777, "app", true),
    ])
    func `in a folder of others, or one that they write, a file can be replaced`(
        mode: Int, stranger: String?, isOpen: Bool
    ) throws {
        let folder = CheckResult.OpenFolder(path: "/d", mode: UInt32(mode), stranger: stranger)
        #expect((folder != nil) == isOpen)
        let rights = CheckResult.Rights(mode: 0o640, isFile: true, isReadable: true, openFolder: folder)
        let found = CheckResult.schedule("/d/f", rights)
        #expect((found.outcome == .fail) == isOpen && (found.mend?.contains(" /d`") == true) == isOpen, "\(found)")
    }

    @Test func `a file of somebody else is no pass, be it a schedule or a secret`() {
        let rights = CheckResult.Rights(mode: 0o600, isFile: true, isReadable: true, stranger: "app")
        for found in [CheckResult.schedule("/f", rights), CheckResult.secret("/f", rights)] {
            #expect(found.outcome == .fail && found.found.hasPrefix("owned by app"), "\(found)")
        }
    }

    @Test(arguments: [
        ("[Timer]\nOnCalendar=daily\n", nil), ("[Timer]\nUnit=a.service\n", "a.service"),
        ("[Timer]\r\n Unit = a.service \r\n", "a.service"), ("[Timer]\n#Unit=a.service\n", nil),
        ("[Timer]\nUnit=a.service\nUnit=b.service\n", "b.service"), ("[Timer]\nUnit=a.service\nUnit=\n", nil),
        ("[Unit]\nDescription=Unit=c\n", nil),
    ])
    func `the unit that a timer begins`(text: String, unit: String?) { #expect(OldJob.unit(begunBy: text) == unit) }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nX: y", 200), ("HTTP/1.0 503\n", 503), ("HTTP/1.1 401 ", 401), ("HTTP/1.1 2000 x", nil),
        ("SSH-2.0-OpenSSH", nil), ("HTTP/1.1 099 x", nil), ("HTTP/1.1 600 x", nil), ("HTTP/1.1 +20 x", nil), ("", nil),
        ("\r\nHTTP/1.1 200 OK", nil), ("HTTP/1.1", nil), ("HTTP/2 200", nil),
    ])
    func `the first line of an answer`(head: String, code: Int?) {
        #expect(HTTPStatus.code(head.utf8) == code)
    }

    @Test(arguments: [
        (nil, 200, true), (nil, 299, true), (nil, 301, false), (nil, 404, false), (401, 401, true), (401, 200, false),
    ])
    func `an endpoint passes by its own status, or by any from 200 to 299`(wanted: Int?, status: Int, passes: Bool)
        throws
    {
        let url = "http://h/"
        let endpoint = Endpoint(
            name: "e", url: url, address: try #require(Endpoint.Address(url)), status: wanted)
        #expect((CheckResult.endpoint(endpoint, answered: status).outcome == .pass) == passes)
    }

    @Test func `an extension is installed, available, or missing`() {
        func outcome(_ available: Set<String>, _ installed: Set<String>) -> CheckResult {
            .extensionState("vector", of: "archon_db", available: available, installed: installed)
        }
        #expect(outcome(["vector"], ["vector"]) == .pass(.extensions, "archon_db: vector", "installed"))
        #expect(outcome(["vector"], []).found == "available, not installed" && outcome(["vector"], []).outcome == .pass)
        #expect(outcome([], []).outcome == .fail && outcome([], []).mend?.contains("pgvector") == true)
        // A restore would fail: the package was removed from under it.
        #expect(outcome([], ["vector"]).outcome == .fail)
    }

    @Test func `names of checks and keys of results are a promise`() throws {
        #expect(
            CheckName.allCases.map(\.rawValue) == [
                "name-resolution", "endpoints", "containers", "postgresql", "extensions", "postgrest", "disk", "clock",
                "credentials", "unit", "old-job",
            ])
        let failed = CheckResult.fail(.disk, "/b", "a\n  b\r\nc", mend: "Mend it.")
        let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(failed)) as? [String: String]
        #expect(
            object == ["check": "disk", "subject": "/b", "outcome": "fail", "found": "a; b; c", "mend": "Mend it."])
    }
}

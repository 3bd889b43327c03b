import BackupCore
import Foundation
import TestSupport
import Testing

/// The Debian package, built from the release binary that the tests were given.
@Suite(.enabled(if: BootedHost.releaseBinary != nil, "packs the static release binary: ARCHON_BACKUPD_STATIC names it"))
struct PackageTests {
    private func withPackage<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        try await withTemporaryFolder { folder in
            let said = try await run(
                "sh", [Repository.path("scripts/deb.sh"), BootedHost.releaseBinary ?? "", folder],
                environment: ["COMPRESSION": "-Zgzip -z1"])
            guard said.status == 0 else { throw Failure(.failed, "deb.sh: \(said.output)\(said.error)") }
            return try await body(said.lines[0])
        }
    }

    @Test func `lintian has nothing to say, and make install lays down the same files`() async throws {
        try await withPackage { package in
            let lintian = try await run("lintian", ["--allow-root", "--tag-display-limit", "0", package])
            #expect(lintian.status == 0 && lintian.output.isEmpty, "\(lintian.output)\(lintian.error)")

            let folder = (package as NSString).deletingLastPathComponent
            _ = try await run("dpkg-deb", ["-x", package, "\(folder)/package"])
            let script = Repository.path("scripts/install.sh")
            let place = ["DESTDIR": "\(folder)/installed", "PREFIX": "/usr"]
            let installed = try await run(
                "sh", [script, "install", BootedHost.releaseBinary ?? ""], environment: place)
            #expect(installed.status == 0, "\(installed.error)")
            // A package says besides who made it, and what of it is whose.
            for file in ["changelog.gz", "changelog.Debian.gz", "copyright"] {
                try FileManager.default.removeItem(atPath: "\(folder)/package/usr/share/doc/archon-backupd/\(file)")
            }
            let differences = try await run(
                "diff", ["-r", "--no-dereference", "\(folder)/package", "\(folder)/installed"])
            #expect(differences.status == 0, "\(differences.output)")
            #expect(try await modes("\(folder)/package") == modes("\(folder)/installed"))
            let listed = try await run("sh", [script, "list", BootedHost.releaseBinary ?? ""], environment: place)
            #expect(try await modes("\(folder)/installed").count == listed.lines.count)

            _ = try await run("sh", [script, "uninstall", BootedHost.releaseBinary ?? ""], environment: place)
            let left = try await run("find", ["\(folder)/installed", "!", "-type", "d", "-printf", "/%P\n"])
            #expect(left.lines == ["/etc/archon-backupd/schedule.json"])
        }
    }

    @Test func `the unit of make install starts the binary below its prefix`() async throws {
        try await withTemporaryFolder { folder in
            let installed = try await run(
                "sh", [Repository.path("scripts/install.sh"), "install", BootedHost.releaseBinary ?? ""],
                environment: ["DESTDIR": folder, "PREFIX": "/usr/local"])
            #expect(installed.status == 0, "\(installed.error)")
            let unit = try String(
                contentsOfFile: "\(folder)/usr/local/lib/systemd/system/archon-backupd.service", encoding: .utf8)
            #expect(unit.contains("\nExecStart=/usr/local/bin/archon-backupd daemon\n"))
            #expect(!unit.contains("/usr/bin/archon-backupd"))
            let version = try await run("\(folder)/usr/local/bin/archon-backupd", ["--version"])
            #expect(version.lines == [Version.current])
        }
    }

    private func modes(_ folder: String) async throws -> [String] {
        try await run("find", [folder, "!", "-type", "d", "-printf", "%M %P\n"]).lines.sorted()
    }

    @Test(.enabled(if: getuid() == 0, "only root can boot a box"))
    func `a host installs it, dumps, upgrades it as it runs, and purges it with its dumps left`() async throws {
        try await withPackage { package in
            try await withBareHost { host in
                let packaged = PackagedHost(host: host)
                try await packaged.install(package)
                try await packaged.expectNothingBegun()
                try await packaged.expectManualsAndCompletions()
                try await packaged.dump()
                try await packaged.upgradeDuringRun()
                try await packaged.upgradeWithRefusedSchedule()
                try await packaged.removeAndPurge()
                try await packaged.returnToDumps()
            }
        }
    }
}

import BackupCore
import Foundation

/// The one Docker engine that tests of a process share: begun by the first that needs it, gone with the process, however
/// that went. Its two images are PostgreSQL 15's installed files; see Tests/Containers.
package actor TestEngine {
    package static let only = TestEngine()
    /// For `.enabled(if:)` of the tests that need one.
    package static let lack: String? =
        mayMount ? nil : "a Docker engine of the tests' own needs root and the right to mount"

    package enum Image: String, Sendable, CaseIterable {
        /// As the official image: bash, dash and Debian's commands.
        case debian = "pg:15"
        /// As the official one for Alpine: busybox is the shell and all commands.
        case busybox = "pg:15-busybox"
    }

    /// What a client of it needs in its environment.
    package struct Access: Sendable {
        package let folder: String
        package var environment: [String: String] { ["DOCKER_HOST": "unix://\(folder)/docker.sock"] }
        /// The client that is found first, as the product finds it.
        package func docker(_ arguments: [String], input: String = "") async throws -> Said {
            try await run("docker", arguments, environment: environment, input: input)
        }
    }

    private var starting: Task<Access, any Error>?
    private var images: [Image: Task<Void, any Error>] = [:]

    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Containers").path

    /// CAP_SYS_ADMIN, which root lacks in an ordinary container.
    private static var mayMount: Bool {
        let status = FileManager.default.contents(atPath: "/proc/self/status") ?? Data()
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let set = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
        return set & 1 << 21 != 0
    }

    /// An engine that has the image. Throws when there is none to be had, with its log.
    package func access(_ image: Image) async throws -> Access {
        let starting =
            starting
            ?? Task {
                let access = try await Self.begin()
                // For code under test that runs in this process. Safe beside readers as long as it is the only variable that is
                // ever added here: the C library frees nothing then.
                for (name, value) in access.environment { setenv(name, value, 1) }
                return access
            }
        self.starting = starting
        let access = try await starting.value
        let making = images[image] ?? Task { try await Self.make(image, access) }
        images[image] = making
        try await making.value
        return access
    }

    /// One that nobody shares, for tests that end it.
    package static func own() async throws -> Access {
        let access = try await begin()
        try await make(.debian, access)
        return access
    }

    private static func begin() async throws -> Access {
        var template = Array("/tmp/archon-engine.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(.inputOutput, "no temporary folder") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let said = try await run("/bin/sh", ["\(sources)/engine.sh", "up", folder, "\(getpid())"])
        guard said.status == 0 else { throw Failure(.unavailable, "no Docker engine: \(said.error)") }
        return Access(folder: folder)
    }

    private static func make(_ image: Image, _ access: Access) async throws {
        let bin = try await run("/bin/sh", ["-c", "ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1"]).lines.first
        let changes = [
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\(bin ?? "")", "ENV LANG=C.UTF-8",
            "ENV PGDATA=/var/lib/postgresql/data", "VOLUME /var/lib/postgresql/data", "EXPOSE 5432",
            "ENTRYPOINT [\"/entrypoint.sh\"]", "CMD [\"postgres\"]",
        ]
        let options = changes.map { "--change '\($0)'" }.joined(separator: " ")
        let kind = image == .busybox ? "--busybox" : ""
        let said = try await run(
            "/bin/sh",
            [
                "-c",
                "python3 '\(sources)/image.py' \(kind) '\(bin ?? "")' | docker import \(options) - \(image.rawValue)",
            ],
            environment: access.environment)
        guard said.status == 0 else { throw Failure(.unavailable, "no image \(image.rawValue): \(said.error)") }
    }
}

extension TestEngine.Access {
    /// Ends it and all that runs in it; for one that nobody shares.
    package func end() { _ = FileManager.default.createFile(atPath: "\(folder)/end", contents: nil) }
}

import BackupCore
import Foundation

/// Names and endpoints, from this host and from inside containers.
enum NetworkChecks {
    static func endpoint(_ endpoint: Endpoint, _ platform: Platform) async -> CheckResult {
        do {
            return .endpoint(endpoint, answered: try await HTTPProbe.status(endpoint))
        } catch {
            return .fail(
                .endpoints, "\(endpoint.name) \(endpoint.url)", (error as? Failure)?.message ?? "\(error)",
                mend: "Is it up, and is its port published to this host? `\(platform.engine.rawValue) ps` shows both.")
        }
    }

    static func here(_ host: Platform.Host) async -> CheckResult {
        let limit = 15.0
        do {
            guard let found = try await bounded(seconds: limit, { try Resolver.addresses(of: host.name).map(\.text) })
            else { throw Failure(.unavailable, "the resolver does not answer within \(TimeSpan.text(limit))") }
            return .pass(.nameResolution, "\(host.name) here", found.joined(separator: ", "))
        } catch {
            return .fail(
                .nameResolution, "\(host.name) here", (error as? Failure)?.message ?? "\(error)",
                mend: "Add it to /etc/hosts or DNS; `getent hosts \(host.name)` asks as programs do.")
        }
    }

    /// By `getent hosts` inside, which asks as the programs in there do. Only an address on its stdout is a pass: the exit status
    /// of `exec` is not believed.
    static func inside(_ name: String, _ host: Platform.Host, _ platform: Platform) async -> CheckResult {
        let subject = "\(host.name) in \(name)"
        let said = OutputText(limit: 1 << 14)
        do {
            let engine = try ContainerEngine.find(platform.container(name))
            let ending = try await Child.run(
                engine.program, engine.words(["exec", name, "getent", "hosts", host.name]), timeoutSeconds: 30
            ) { said.add($0) }
            let address = said.text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
            if Self.isAddress(address) { return try await judge(address, host.name, name, engine) }
            let words = "\(ending.errors)\n\(said.text)".lowercased()
            // Docker says so on stdout, podman on stderr.
            if words.contains("executable file not found") {
                return .skipped(.nameResolution, subject, "there is no getent in the image")
            }
            switch ending.cause {
            case .exited(2), .exited(0):
                return .fail(
                    .nameResolution, subject, "it has no address in there", mend: Self.mend(host.name))
            case .timedOut:
                return .fail(
                    .nameResolution, subject, "the resolver in there does not answer",
                    mend: "Look at /etc/resolv.conf in the container; see docs/name-resolution.md.")
            case .exited, .signaled, .interrupted:
                let fault = Failure(
                    .unavailable, "\(engine.kind.rawValue) exec \(ending.description)", hint: EngineFault.hint,
                    cause: ending.errors)
                return EngineFault.result(fault, .nameResolution, subject, platform.engine)
            }
        } catch {
            return EngineFault.result(error, .nameResolution, subject, platform.engine)
        }
    }

    /// An address of the container itself is none of what `host` is to mean, but with the host's own network.
    private static func judge(_ address: String, _ host: String, _ container: String, _ engine: ContainerEngine)
        async throws -> CheckResult
    {
        let subject = "\(host) in \(container)"
        guard isLoopback(address), host != "localhost", !host.hasSuffix(".localhost") else {
            return .pass(.nameResolution, subject, address)
        }
        let mode = try await engine.ask(
            ["container", "inspect", "--format", "{{.HostConfig.NetworkMode}}", container])
        if mode == "host" { return .pass(.nameResolution, subject, address) }
        return .fail(
            .nameResolution, subject, "\(address), which in there is the container itself", mend: mend(host))
    }

    private static func mend(_ name: String) -> String {
        "Give the service \"extra_hosts: [\"\(name):host-gateway\"]\" and recreate it; see docs/name-resolution.md."
    }

    /// 127.0.0.0/8 and ::1, and the addresses that stand for them when something connects there.
    static func isLoopback(_ text: String) -> Bool {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            let bytes = withUnsafeBytes(of: four, Array.init)
            return bytes[0] == 127 || bytes.allSatisfy { $0 == 0 }
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return false }
        let bytes = withUnsafeBytes(of: six, Array.init)
        guard bytes[..<10].allSatisfy({ $0 == 0 }) else { return false }
        if bytes[10] == 0xff, bytes[11] == 0xff { return bytes[12] == 127 || bytes[12...].allSatisfy { $0 == 0 } }
        return bytes[10..<15].allSatisfy { $0 == 0 } && bytes[15] <= 1
    }

    private static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }
}

import Foundation
import Subprocess
import SystemPackage

/// What a program said and how it ended.
package struct Said: Sendable {
    package var status: Int32
    package var output: String
    package var error: String
    package var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A program that ends before it has read its input must not end the tests with it.
private let brokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

/// Runs a program to its end; a signal counts as status 128 and its number.
package func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = ""
) async throws -> Said {
    _ = brokenPipes
    var updates: [Subprocess.Environment.Key: String?] = [:]
    for (key, value) in environment { updates[.init(stringLiteral: key)] = value }
    let result = try await Subprocess.run(
        program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
        environment: .inherit.updating(updates), input: .string(input), output: .string(limit: 64 << 20),
        error: .string(limit: 16 << 20))
    let status: Int32
    switch result.terminationStatus {
    case .exited(let code): status = code
    case .signaled(let signal): status = 128 + signal
    }
    return Said(status: status, output: result.standardOutput, error: result.standardError)
}

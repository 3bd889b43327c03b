import BackupCore
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

/// Runs a program to its end; a signal counts as status 128 and its number.
package func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = ""
) async throws -> Said {
    var updates: [Subprocess.Environment.Key: String?] = [:]
    for (key, value) in environment { updates[.init(stringLiteral: key)] = value }
    // From a file: a pipe breaks when the program ends before it has read all, and Subprocess 1.0 then traps.
    let result = try await Subprocess.run(
        program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
        environment: .inherit.updating(updates),
        input: .fileDescriptor(try unnamedFile(input), closeAfterSpawningProcess: true),
        output: .string(limit: 64 << 20), error: .string(limit: 16 << 20))
    let status: Int32
    switch result.terminationStatus {
    case .exited(let code): status = code
    case .signaled(let signal): status = 128 + signal
    }
    return Said(status: status, output: result.standardOutput, error: result.standardError)
}

/// A file that holds `text`, is read from its beginning, and goes when it is closed.
private func unnamedFile(_ text: String) throws -> FileDescriptor {
    guard !text.isEmpty else { return try FileDescriptor.open("/dev/null", .readOnly) }
    var template = Array("/tmp/archon-input.XXXXXX".utf8CString)
    let descriptor = FileDescriptor(rawValue: mkstemp(&template))
    guard descriptor.rawValue >= 0 else { throw Failure(.inputOutput, "no temporary file for a program's input") }
    unlink(template)
    try descriptor.writeAll(text.utf8)
    try descriptor.seek(offset: 0, from: .start)
    return descriptor
}

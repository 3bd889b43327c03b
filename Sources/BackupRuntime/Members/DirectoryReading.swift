import BackupCore
import Foundation

/// Reads the files of a directory archive, each once and several at a time.
enum DirectoryReading {
    /// All of them by name; those that are `known` already and have their size are not read again. Blocks. `progress` is told of
    /// each part read.
    static func members(
        _ path: String, known: [MemberReading] = [], _ cancellation: Cancellation,
        progress: @escaping @Sendable (Int64) -> Void
    ) throws -> [MemberReading] {
        let known = Dictionary(known.map { ($0.file.name, $0) }) { first, _ in first }
        let names = try Disk.names(in: path)
        let sizes = Dictionary(uniqueKeysWithValues: names.map { ($0, Disk.bytes(of: "\(path)/\($0)") ?? 0) })
        let done = names.compactMap { known[$0] }.filter { sizes[$0.file.name] == $0.file.bytes }
        let readings = Shared(done)
        let files = ThreadQueue<String>()
        let isDone = Set(done.map(\.file.name))
        // The largest first: the last one to end is a small one then.
        let left = names.filter { !isDone.contains($0) }.sorted { (sizes[$0] ?? 0, $0) > (sizes[$1] ?? 0, $1) }
        for name in left { files.put(name) }
        files.close()
        let fault = FirstFault()
        let crew = Crew()
        crew.begin(min(left.count, ProcessInfo.processInfo.activeProcessorCount), "read") {
            do {
                while let name = files.take() {
                    try fault.check()
                    let reading = try read(name, in: path, cancellation, progress)
                    readings.with { $0.append(reading) }
                }
            } catch {
                fault.note(error)
            }
        }
        crew.wait()
        try fault.check()
        return readings.with { $0 }.sorted { $0.file.name < $1.file.name }
    }

    private static func read(
        _ name: String, in path: String, _ cancellation: Cancellation, _ progress: (Int64) -> Void
    ) throws -> MemberReading {
        let scan = try MemberScan(file: name)
        try Disk.read("\(path)/\(name)", cancellation) { bytes in
            try scan.take(bytes)
            progress(Int64(bytes.count))
            return true
        }
        return scan.finish()
    }
}

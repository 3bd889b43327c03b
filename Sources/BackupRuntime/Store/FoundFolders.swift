import BackupCore
import Foundation

/// Found databases as the folders of their dumps tell them: a catalog that is lost, or a host that never had one, costs none of
/// them.
enum FoundFolders {
    /// Those that are not among `known`. Only a folder that has the name which discovery would have given is taken: others are of
    /// jobs that were written in the schedule once.
    static func look(_ schedule: Schedule, beyond known: [FoundDatabase]) -> [FoundDatabase] {
        let root = schedule.storage.root
        // No folder yet is no dump yet.
        guard schedule.discovers, let names = try? Disk.names(in: root) else { return [] }  // see above
        let taken = Set(schedule.jobs.map(\.name) + known.map(\.job))
        var seen = Set(known.map { [$0.server, $0.database] })
        var found: [FoundDatabase] = []
        for name in names where !name.hasPrefix(".") && !taken.contains(name) {
            guard let manifest = newestManifest(in: "\(root)/\(name)", job: name),
                FoundNames.possible(manifest.database, on: manifest.server).contains(name),
                seen.insert([manifest.server, manifest.database]).inserted
            else { continue }
            found.append(
                FoundDatabase(
                    server: manifest.server, database: manifest.database, job: name, since: manifest.ended))
        }
        return schedule.fitting(found)
    }

    /// Whether there is anything in a job's folder that somebody may miss.
    static func hasDumps(_ found: FoundDatabase, root: String) -> Bool {
        // No folder, no dumps.
        let names = (try? Disk.names(in: "\(root)/\(found.job)")) ?? []  // see above
        return names.contains { !$0.hasPrefix(".") }
    }

    private static func newestManifest(in folder: String, job: String) -> Manifest? {
        guard Disk.isFolder(folder), let names = try? Disk.names(in: folder) else { return nil }  // no folder of ours
        let manifests = names.filter { $0.hasSuffix(".json") && DumpName($0.dropLast(5), job: job) != nil }
        for name in manifests.reversed() {
            let path = "\(folder)/\(name)"
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            // A damaged one is told by `list`, once the job is known by another.
            let manifest = try? ManifestCodec.decode(data, file: path)  // see above
            if let manifest, manifest.job == job { return manifest }
        }
        return nil
    }
}

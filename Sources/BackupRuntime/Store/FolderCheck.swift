import BackupCore
import Foundation

/// The dumps of a folder beside those that are noted, without a look into each: a service with a million of them begins with that.
extension JobFolder {
    /// True when the folder has the dumps that are noted and no others, each with its archive and as many bytes, and the newest,
    /// which a crash may have kept from being noted anew, has the same proof. What else may be wrong with one of them `list`
    /// and `verify` find.
    func holds(_ noted: [String: NotedDump]) throws -> Bool {
        let dumps = try Disk.names(in: path).compactMap { file in
            file.hasSuffix(".json") ? DumpName(file.dropLast(5), job: job) : nil
        }
        guard dumps.count == noted.count else { return false }
        for dump in dumps {
            guard let bytes = noted["\(dump)"]?.bytes, Disk.bytes(of: archivePath(dump)) == bytes else { return false }
        }
        guard let newest = dumps.max() else { return true }
        let file = manifestPath(newest)
        // Whatever is wrong with it, the whole folder is read then.
        guard let data = FileManager.default.contents(atPath: file),
            let manifest = try? ManifestCodec.decode(data, file: file)  // see above
        else { return false }
        return noted["\(newest)"] == NotedDump(manifest)
    }
}

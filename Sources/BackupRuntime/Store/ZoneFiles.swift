import BackupCore
import Foundation

/// The system's time zones. Foundation's are not used: they come from data inside ICU, which does not follow the
/// distribution's updates, and a statically linked binary has none at all.
package enum ZoneFiles {
    /// Where tzdata lives, in the order of looking: `TZDIR`, then the usual places.
    package static var folders: [String] {
        let usual = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"]
        guard let folder = ProcessInfo.processInfo.environment["TZDIR"], !folder.isEmpty else { return usual }
        return [folder] + usual
    }

    /// The zone of that name, or nil when there is none that can be read. `UTC` needs no file.
    package static func lookup(_ name: String) -> Zone? {
        // The caller reports an unknown zone with the place it stands at; why it could not be read adds nothing there.
        try? zone(named: name)  // see above
    }

    /// Throws a `Failure(.configInvalid)` that says whether the name or the system's tzdata is at fault.
    package static func zone(named name: String, in folders: [String] = ZoneFiles.folders) throws -> Zone {
        if name == "UTC" { return .utc }
        guard isSafe(name) else {
            throw Failure(
                .configInvalid, "\"\(name)\" is no time zone", hint: "Write a name such as Europe/Sofia, or UTC.")
        }
        for folder in folders {
            // The next folder may have it.
            guard let bytes = FileManager.default.contents(atPath: folder + "/" + name) else { continue }
            return try Zone(name: name, tzif: Array(bytes))
        }
        guard folders.contains(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw Failure(
                .configInvalid, "time zone \(name) cannot be looked up: there is no \(folders[0])",
                hint: "Install tzdata, or use UTC.")
        }
        throw Failure(
            .configInvalid, "time zone \(name) is unknown",
            hint: "`timedatectl list-timezones` lists the names, such as Europe/Sofia.")
    }

    private static func isSafe(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count < 128, !name.hasPrefix("/") else { return false }
        guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "/_+-".contains($0)) }) else {
            return false
        }
        return !name.split(separator: "/", omittingEmptySubsequences: false).contains { $0.isEmpty }
    }
}

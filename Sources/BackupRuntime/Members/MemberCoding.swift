import BackupCore

/// How the members of a directory archive are compressed when pg_dump leaves that to us.
enum MemberCoding: Sendable, Equatable {
    case gzip(Int)
    case zstd(Int)

    /// What a member's name gets, by which pg_restore finds it.
    var suffix: String {
        switch self {
        case .gzip: ".gz"
        case .zstd: ".zst"
        }
    }

    /// As the manifest says it: `gzip:1`.
    var text: String {
        switch self {
        case .gzip(let level): "gzip:\(level)"
        case .zstd(let level): "zstd:\(level)"
        }
    }
}

/// The name of a member apart: `3456.dat.gz` is 3456.dat, compressed by gzip.
struct MemberName: Sendable, Hashable {
    enum Form: Sendable { case plain, gzip, zstd, other }

    /// As the archive's table of contents has it.
    let plain: String
    let form: Form

    /// Nil for a file that holds no data: toc.dat, blobs.toc and what is no member.
    init?(file: String) {
        guard file != "toc.dat" else { return nil }
        let forms: [(String, Form)] = [("", .plain), (".gz", .gzip), (".zst", .zstd), (".lz4", .other)]
        guard let (suffix, form) = forms.first(where: { file.hasSuffix(".dat\($0.0)") }) else { return nil }
        plain = String(file.dropLast(suffix.count))
        self.form = form
    }

    /// Of a large object's member, `blob_4711.dat`.
    var objectNumber: Substring? {
        guard plain.hasPrefix("blob_") else { return nil }
        let number = plain.dropFirst(5).dropLast(4)
        return number.allSatisfy(\.isNumber) ? number : nil
    }
}

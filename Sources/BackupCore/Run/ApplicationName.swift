/// The `application_name` under which a job's pg_dump is seen in pg_stat_activity: `archon-backupd/<job>`. PostgreSQL cuts
/// names at 63 bytes and replaces what is not ASCII; we do it first, so that two jobs never share one.
package enum ApplicationName {
    /// Of the sessions in which this program asks questions itself.
    package static let own = "archon-backupd"

    package static func of(job: String) -> String {
        let name = "\(own)/\(job)"
        guard name.utf8.count > 63 || !name.allSatisfy(\.isASCII) else { return name }
        var hash: UInt32 = 2_166_136_261
        for byte in job.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        let plain = name.map { $0.isASCII ? $0 : "?" }.prefix(54)
        return String(plain) + "~" + digits
    }
}

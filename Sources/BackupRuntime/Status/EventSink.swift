import BackupCore
import CSystemd
import Foundation

/// Where events go: the journal with its fields when stderr is connected to it, plain lines on stderr otherwise.
package enum EventSink: Sendable {
    case journal
    case standardError

    /// systemd says by JOURNAL_STREAM (device:inode) whether our stderr is the journal's; see systemd.exec(5).
    package static func forThisProcess() -> EventSink {
        guard let stream = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] else { return .standardError }
        var status = stat()
        guard fstat(2, &status) == 0, stream == "\(status.st_dev):\(status.st_ino)" else { return .standardError }
        return .journal
    }

    package func send(_ event: Event) {
        assert(event.keepsItsPromise, "\(event.kind) has the fields \(event.fields.keys.sorted())")
        switch self {
        case .journal: if !sendToJournal(event) { writeLine(event) }
        case .standardError: writeLine(event)
        }
    }

    /// False when the journal does not take it.
    private func sendToJournal(_ event: Event) -> Bool {
        var fields = [
            "MESSAGE=\(event.message)", "PRIORITY=\(event.kind.priority)", "MESSAGE_ID=\(event.kind.messageID)",
            "SYSLOG_IDENTIFIER=archon-backupd", "ARCHON_EVENT=\(event.kind.rawValue)",
        ]
        fields += event.fields.map { "ARCHON_\($0.key)=\($0.value)" }
        // Lengths are given, so a line feed in a value is no new field.
        let copies = fields.map { field in
            let bytes = Array(field.utf8)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
            copy.copyBytes(from: bytes)
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        let vectors = copies.map { iovec(iov_base: $0.baseAddress, iov_len: $0.count) }
        return sd_journal_sendv(vectors, Int32(vectors.count)) == 0
    }

    /// Waits, a second at most, until the journal has taken what was sent: it looks the unit up when it does, and of a process that
    /// is gone it finds none, so that `journalctl -u` would not show the last words of one that ends at once.
    package func settle() {
        guard case .journal = self else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "/run/systemd/journal/socket".utf8) }
        // The journal takes one after the other: when this one, which says nothing, is taken, all before it are.
        let isSent = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, "\n", 1, Int32(MSG_DONTWAIT), $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    == 1
            }
        }
        guard isSent else { return }
        for _ in 0..<200 {
            var waiting: Int32 = 0
            guard ioctl(descriptor, UInt(TIOCOUTQ), &waiting) == 0, waiting > 0 else { return }
            usleep(5000)
        }
    }

    private func writeLine(_ event: Event) {
        let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        var line = "\(Zone.utc.iso8601(now)) \(event.message.replacing("\n", with: "\n    "))\n"
        // Foundation's handle ends the program when nobody reads any more; a line that cannot be written is lost.
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)[...]
            while !rest.isEmpty {
                let count = write(2, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}

import BackupCore
import Foundation
import Synchronization

/// Writes to stdout what was asked for. What cannot be written is told when the work is done, which does not stop for it.
func answer(_ text: String, terminator: String = "\n") {
    unanswered.withLock { code in
        // After a gap the rest would be another answer.
        if code == 0 { code = send(text + terminator, to: STDOUT_FILENO) }
    }
}

/// Writes to stderr what a person may want to know. Where nobody listens nobody can be told so.
func tell(_ text: String, terminator: String = "\n") { _ = send(text + terminator, to: STDERR_FILENO) }

/// What became of all that was answered.
enum Answered {
    case whole
    /// Whoever read it has read enough, as `head` does.
    case unwanted
    case lost(Failure)

    static var now: Answered {
        switch unanswered.withLock({ $0 }) {
        case 0: .whole
        case EPIPE: .unwanted
        case let code:
            .lost(
                Failure(
                    [ENOSPC, EDQUOT].contains(code) ? .cannotWrite : .inputOutput,
                    "cannot write the answer to stdout: \(String(cString: strerror(code)))",
                    hint: "The answer alone is lost: what the command had to do, it did."))
        }
    }
}

/// The errno of the first write to stdout that failed; 0 for none. FileHandle would end the process there.
private let unanswered = Mutex<Int32>(0)

/// Returns 0, or the errno.
private func send(_ text: String, to descriptor: Int32) -> Int32 {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 {
            rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
            // Another program may have made a shared terminal or pipe one that does not wait.
            var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&place, 1, -1)
        } else if errno != EINTR {
            return errno
        }
    }
    return 0
}

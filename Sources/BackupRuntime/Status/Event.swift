import BackupCore
import Foundation

/// Something that happened and that an operator may look for in the journal. The raw value of a kind is its
/// `ARCHON_EVENT`; its MESSAGE_ID never changes (systemd/archon-backupd.catalog explains each).
package struct Event: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case daemonReady = "daemon-ready"
        case daemonStopping = "daemon-stopping"
        case daemonFailed = "daemon-failed"
        case reloaded
        case reloadFailed = "reload-failed"
        case runBegan = "run-began"
        case runSucceeded = "run-succeeded"
        case runFailed = "run-failed"
        case runInterrupted = "run-interrupted"
        case slotsMissed = "slots-missed"
        case clockStepped = "clock-stepped"
        case pruned
        case pruningSuspended = "pruning-suspended"
        case partialsSwept = "partials-swept"
        case catalogRebuilt = "catalog-rebuilt"
        case warning
        case drillBegan = "drill-began"
        case drillProven = "drill-proven"
        case drillFailed = "drill-failed"
        case drillUnverified = "drill-unverified"
        case drillInterrupted = "drill-interrupted"
        case objectiveMissed = "objective-missed"
        case objectiveMet = "objective-met"
        case databaseFound = "database-found"
        case databaseVanished = "database-vanished"
        case databaseClosed = "database-closed"
        case discoveryFailed = "discovery-failed"
        case discoveryResumed = "discovery-resumed"
        case databaseDrifted = "database-drifted"
        case databaseAsExpected = "database-as-expected"

        package var messageID: String {
            switch self {
            case .daemonReady: "3f0c8a41d5a94ac09c5e0b6a5a1f7d01"
            case .daemonStopping: "3f0c8a41d5a94ac09c5e0b6a5a1f7d02"
            case .reloaded: "3f0c8a41d5a94ac09c5e0b6a5a1f7d03"
            case .reloadFailed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d04"
            case .runBegan: "3f0c8a41d5a94ac09c5e0b6a5a1f7d05"
            case .runSucceeded: "3f0c8a41d5a94ac09c5e0b6a5a1f7d06"
            case .runFailed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d07"
            case .runInterrupted: "3f0c8a41d5a94ac09c5e0b6a5a1f7d08"
            case .slotsMissed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d09"
            case .clockStepped: "3f0c8a41d5a94ac09c5e0b6a5a1f7d0a"
            case .pruned: "3f0c8a41d5a94ac09c5e0b6a5a1f7d0b"
            case .pruningSuspended: "3f0c8a41d5a94ac09c5e0b6a5a1f7d0c"
            case .partialsSwept: "3f0c8a41d5a94ac09c5e0b6a5a1f7d0d"
            case .catalogRebuilt: "3f0c8a41d5a94ac09c5e0b6a5a1f7d0e"
            case .warning: "3f0c8a41d5a94ac09c5e0b6a5a1f7d0f"
            case .drillBegan: "3f0c8a41d5a94ac09c5e0b6a5a1f7d10"
            case .drillProven: "3f0c8a41d5a94ac09c5e0b6a5a1f7d11"
            case .drillFailed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d12"
            case .drillUnverified: "3f0c8a41d5a94ac09c5e0b6a5a1f7d13"
            case .drillInterrupted: "3f0c8a41d5a94ac09c5e0b6a5a1f7d14"
            case .objectiveMissed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d15"
            case .objectiveMet: "3f0c8a41d5a94ac09c5e0b6a5a1f7d16"
            case .daemonFailed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d17"
            case .databaseFound: "3f0c8a41d5a94ac09c5e0b6a5a1f7d20"
            case .databaseVanished: "3f0c8a41d5a94ac09c5e0b6a5a1f7d21"
            case .databaseClosed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d22"
            case .discoveryFailed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d23"
            case .discoveryResumed: "3f0c8a41d5a94ac09c5e0b6a5a1f7d24"
            case .databaseDrifted: "3f0c8a41d5a94ac09c5e0b6a5a1f7d25"
            case .databaseAsExpected: "3f0c8a41d5a94ac09c5e0b6a5a1f7d26"
            }
        }

        /// As syslog counts: 3 error, 4 warning, 5 notice, 6 informational, 7 debug: what the line at the end of a run tells
        /// too, and the unit's LogLevelMax= keeps out of the journal.
        package var priority: Int {
            switch self {
            case .daemonFailed, .reloadFailed, .runFailed, .catalogRebuilt, .drillFailed, .objectiveMissed: 3
            case .slotsMissed, .pruningSuspended, .clockStepped, .runInterrupted, .warning, .drillUnverified: 4
            case .daemonReady, .daemonStopping, .reloaded, .partialsSwept, .objectiveMet, .drillInterrupted: 5
            case .databaseVanished, .databaseClosed, .discoveryFailed, .databaseDrifted: 4
            case .databaseFound, .discoveryResumed, .databaseAsExpected: 5
            case .runSucceeded, .drillProven: 6
            case .runBegan, .pruned, .drillBegan: 7
            }
        }
    }

    package var kind: Kind
    package var message: String
    /// Without the prefix `ARCHON_`; `Kind.fields` has those of each kind.
    package var fields: [String: String]

    package init(_ kind: Kind, _ message: String, _ fields: [String: String] = [:]) {
        self.kind = kind
        self.message = Self.redacted(message)
        self.fields = fields.mapValues(Self.redacted)
    }

    /// A last guard: whatever a server or a program says, no password goes into the journal.
    static func redacted(_ text: String) -> String {
        var text = text
        // Making these expressions takes milliseconds, and most texts have no sign of what they look for.
        if mayNamePassword(text) {
            text = text.replacing(#/(?i)(password|passwd)("?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"',;]+)/#) {
                "\($0.output.1)\($0.output.2)…"
            }
            .replacing(#/(?i)(\bpassword\s+)'[^']*'/#) { "\($0.output.1)…" }
        }
        guard text.utf8.contains(UInt8(ascii: "@")), text.contains("://") else { return text }
        return text.replacing(#/(postgres(?:ql)?:\/\/[^:\s\/@]+):[^@\s]+@/#) { "\($0.output.1):…@" }
    }

    /// Whether "pas" is there, in either case.
    private static func mayNamePassword(_ text: String) -> Bool {
        let bytes = text.utf8.lazy.map { $0 | 0x20 }
        return zip(bytes, zip(bytes.dropFirst(), bytes.dropFirst(2))).contains {
            $0 == UInt8(ascii: "p") && $1.0 == UInt8(ascii: "a") && $1.1 == UInt8(ascii: "s")
        }
    }
}

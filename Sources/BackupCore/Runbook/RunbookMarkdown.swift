import Foundation

/// Writes blocks as Markdown (CommonMark, with GitHub's tables).
package enum RunbookMarkdown {
    package static func text(_ blocks: [RunbookBlock]) -> String {
        blocks.map(block).joined(separator: "\n\n") + "\n"
    }

    private static func block(_ block: RunbookBlock) -> String {
        switch block {
        case .heading(let level, let text): String(repeating: "#", count: level) + " " + line(text)
        case .paragraph(let text): line(text)
        case .list(let items): items.map { "- " + line($0) }.joined(separator: "\n")
        case .steps(let items):
            items.enumerated().map { "\($0 + 1). " + line($1) }.joined(separator: "\n")
        case .table(let head, rows: let rows):
            ([head.map(cell), head.map { _ in "---" }] + rows.map { $0.map(cell) }).map {
                "| " + $0.joined(separator: " | ") + " |"
            }.joined(separator: "\n")
        case .commands(let text): fenced(text)
        }
    }

    private static func fenced(_ text: String) -> String {
        let fence = ticks(longerThan: text, atLeast: 3)
        return "\(fence)bash\n\(text)\n\(fence)"
    }

    private static func line(_ text: RunbookText) -> String {
        text.spans.map { span in
            switch span {
            case .plain(let text): escaped(text)
            case .code(let text): code(text)
            }
        }.joined()
    }

    /// A bar ends a cell even within code.
    private static func cell(_ text: RunbookText) -> String {
        text.spans.map { span in
            switch span {
            case .plain(let text): escaped(text)
            case .code(let text): code(text).escaping("|", as: "\\|")
            }
        }.joined()
    }

    private static let marks: Set<Unicode.Scalar> = [
        "\\", "`", "*", "_", "[", "]", "<", ">", "|", "~", "&", "#", "!", "$",
    ]

    private static func escaped(_ text: String) -> String {
        visible(text).unicodeScalars.map { marks.contains($0) ? "\\\($0)" : "\($0)" }.joined()
    }

    private static func code(_ text: String) -> String {
        let text = visible(text)
        let fence = ticks(longerThan: text, atLeast: 1)
        let ends = [text.unicodeScalars.first, text.unicodeScalars.last]
        let pad = ends.contains { $0 == nil || $0 == "`" } ? " " : ""
        return fence + pad + text + pad + fence
    }

    /// Control characters and ends of lines as one that can be seen.
    static func visible(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let isHidden =
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                || scalar.value == 0x2028 || scalar.value == 0x2029
            result.unicodeScalars.append(isHidden ? "\u{fffd}" : scalar)
        }
        return result
    }

    private static func ticks(longerThan text: String, atLeast least: Int) -> String {
        var longest = 0
        var run = 0
        for scalar in text.unicodeScalars {
            run = scalar == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        return String(repeating: "`", count: max(least, longest + 1))
    }
}

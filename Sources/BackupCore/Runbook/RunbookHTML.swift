/// Writes blocks as one HTML page that needs no other file, for a browser and for paper.
package enum RunbookHTML {
    package static func text(_ blocks: [RunbookBlock], title: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <title>\(escaped(title))</title>
        <style>
        body { font: 15px/1.45 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
        table { border-collapse: collapse; } th, td { border: 1px solid #888; padding: 2px 6px; text-align: left; }
        code, pre { font-family: monospace; } pre { background: #f3f3f3; padding: 8px; white-space: pre-wrap; }
        @media print {
          body { font-size: 10pt; margin: 0; max-width: none; } h2 { break-before: page; }
          h2, h3, h4 { break-after: avoid; } tr { break-inside: avoid; }
        }
        </style>
        </head>
        <body>
        \(blocks.map(block).joined(separator: "\n"))
        </body>
        </html>

        """
    }

    private static func block(_ block: RunbookBlock) -> String {
        switch block {
        case .heading(let level, let text): "<h\(level)>\(line(text))</h\(level)>"
        case .paragraph(let text): "<p>\(line(text))</p>"
        case .list(let items): "<ul>\n\(items.map { "<li>\(line($0))</li>" }.joined(separator: "\n"))\n</ul>"
        case .steps(let items): "<ol>\n\(items.map { "<li>\(line($0))</li>" }.joined(separator: "\n"))\n</ol>"
        case .table(let head, rows: let rows):
            "<table>\n<tr>\(cells(head, "th"))</tr>\n"
                + rows.map { "<tr>\(cells($0, "td"))</tr>\n" }.joined() + "</table>"
        case .commands(let text): "<pre><code>\(escaped(text))</code></pre>"
        }
    }

    private static func cells(_ texts: [RunbookText], _ tag: String) -> String {
        texts.map { "<\(tag)>\(line($0))</\(tag)>" }.joined()
    }

    private static func line(_ text: RunbookText) -> String {
        text.spans.map { span in
            switch span {
            case .plain(let text): escaped(RunbookMarkdown.visible(text))
            case .code(let text): "<code>\(escaped(RunbookMarkdown.visible(text)))</code>"
            }
        }.joined()
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            default: String(scalar)
            }
        }.joined()
    }
}

/// Text of a runbook, plain and code: "Run \(code: command)." Names come in as values, never as markup.
package struct RunbookText: ExpressibleByStringInterpolation, Sendable, Equatable {
    package enum Span: Sendable, Equatable {
        case plain(String)
        case code(String)
    }

    package var spans: [Span]

    package init(stringLiteral text: String) { spans = [.plain(text)] }
    package init(stringInterpolation: StringInterpolation) { spans = stringInterpolation.spans }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var spans: [Span] = []

        package init(literalCapacity: Int, interpolationCount: Int) {}
        package mutating func appendLiteral(_ text: String) { if !text.isEmpty { spans.append(.plain(text)) } }
        package mutating func appendInterpolation(_ text: String) { spans.append(.plain(text)) }
        package mutating func appendInterpolation(_ number: Int) { spans.append(.plain("\(number)")) }
        package mutating func appendInterpolation(code text: String) { spans.append(.code(text)) }
    }
}

/// What a runbook is made of; Markdown and HTML are both written from these.
package enum RunbookBlock: Sendable, Equatable {
    case heading(Int, RunbookText)
    case paragraph(RunbookText)
    case list([RunbookText])
    case steps([RunbookText])
    case table([RunbookText], rows: [[RunbookText]])
    /// Commands for bash.
    case commands(String)
}

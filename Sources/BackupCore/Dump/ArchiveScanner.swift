import Foundation

/// Counts what a script written by `pg_restore -f -` holds, while it streams by: the rows of each COPY block, and large
/// objects. Every byte is looked at once; nothing of the data is kept.
///
/// A COPY block begins with a line `COPY table (columns) FROM stdin;` and ends with `\.`; names with a line feed in quotes
/// spread the first over several lines. Outside COPY blocks lines of other statements may look like anything, so strings,
/// quoted names, dollar quotes and comments are followed.
package struct ArchiveScanner: Sendable {
    /// Rows by table, the key as in the COPY statement: `public.t`, `public."Odd name"`.
    package private(set) var rows: [String: Int] = [:]
    package private(set) var largeObjects = 0
    package private(set) var bytes: Int64 = 0
    /// Of the tables that have been read to their end.
    private var completedRows = 0

    private enum State: Sendable, Equatable {
        case statement
        case literal(escapes: Bool)
        case identifier
        case dollar([UInt8])
        case comment
        case copy
    }

    private var state = State.statement
    /// What has been read of the statement, up to a limit: COPY and large object statements are short.
    private var statement: [UInt8] = []
    /// The beginning of the line inside COPY data that a buffer has cut.
    private var line: [UInt8] = []
    private var lineIsLong = false
    private var table = ""
    private var tableRows = 0
    /// The part of a dollar quote's tag or end that has been read.
    private var tag: [UInt8]?
    private var previous: UInt8 = 0
    private var isEscaped = false
    private var lastHadEscapes = false

    private static let statementLimit = 1 << 20

    package init() {}

    /// True between blocks and statements; false when the script has ended inside one.
    package var isComplete: Bool { state == .statement || state == .comment }
    /// Rows so far, those of the table that is being read included.
    package var totalRows: Int { completedRows + max(0, tableRows) }
    /// The table whose data the script has ended in, if it has.
    package var openTable: String? { state == .copy ? table : nil }

    package mutating func scan(_ buffer: UnsafeRawBufferPointer) {
        bytes += Int64(buffer.count)
        var position = 0
        while position < buffer.count {
            position = state == .copy ? scanData(buffer, from: position) : scanStatements(buffer, from: position)
        }
    }

    // MARK: data

    /// Lines of a COPY block, as fast as memchr finds their ends.
    private mutating func scanData(_ buffer: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = buffer.baseAddress else { return buffer.count }
        var position = start
        while position < buffer.count {
            let rest = base + position
            guard let end = memchr(rest, 0x0a, buffer.count - position) else {
                keep(UnsafeRawBufferPointer(start: rest, count: buffer.count - position))
                return buffer.count
            }
            let length = UnsafeRawPointer(end) - rest
            let isEnd: Bool
            if line.isEmpty, !lineIsLong {
                isEnd = length == 2 && rest.load(as: UInt8.self) == 0x5c && (rest + 1).load(as: UInt8.self) == 0x2e
            } else {
                keep(UnsafeRawBufferPointer(start: rest, count: length))
                isEnd = !lineIsLong && line == [0x5c, 0x2e]
                line.removeAll(keepingCapacity: true)
                lineIsLong = false
            }
            position += length + 1
            if isEnd {
                endTable()
                return position
            }
            tableRows += 1
        }
        return position
    }

    /// Only the two bytes that could be the end mark are of interest.
    private mutating func keep(_ part: UnsafeRawBufferPointer) {
        if line.count + part.count > 2 {
            lineIsLong = true
            line.removeAll(keepingCapacity: true)
        } else if !lineIsLong {
            line += part
        }
    }

    private mutating func endTable() {
        rows[table, default: 0] += tableRows
        completedRows += tableRows
        tableRows = 0
        table = ""
        state = .statement
        statement.removeAll(keepingCapacity: true)
        previous = 0x0a
    }

    // MARK: statements

    private mutating func scanStatements(_ buffer: UnsafeRawBufferPointer, from start: Int) -> Int {
        var position = start
        while position < buffer.count {
            if state == .literal(escapes: false) {
                position = skipLiteral(buffer, from: position)
                if position == buffer.count { return position }
            }
            let byte = buffer[position]
            position += 1
            switch state {
            case .statement: scanPlain(byte)
            case .literal(let escapes): scanLiteral(byte, escapes: escapes)
            case .identifier:
                note(byte)
                if byte == 0x22 { state = .statement }
            case .dollar(let end): scanDollar(byte, end: end)
            case .comment: if byte == 0x0a { state = .statement }
            case .copy: return position - 1
            }
            previous = byte
            if state == .copy { return position }
        }
        return position
    }

    private mutating func note(_ byte: UInt8) {
        if statement.count < Self.statementLimit { statement.append(byte) }
    }

    private mutating func scanPlain(_ byte: UInt8) {
        if var tag {
            // Inside what may be the tag of a dollar quote: `$`, letters, digits, `$`.
            note(byte)
            tag.append(byte)
            if byte == 0x24 {
                state = .dollar(tag)
                self.tag = []
            } else if Self.isWord(byte) {
                self.tag = tag
            } else {
                self.tag = nil
                begin(byte)
            }
            return
        }
        switch byte {
        case 0x3b:
            note(byte)
            endStatement()
        case 0x0a where statement.isEmpty: break
        // A psql command such as \restrict ends with its line, whatever is in it.
        case 0x5c where statement.isEmpty: state = .comment
        default:
            note(byte)
            begin(byte)
        }
    }

    /// Enters a quoted state when `byte` begins one.
    private mutating func begin(_ byte: UInt8) {
        switch byte {
        case 0x27:
            state = .literal(escapes: previous == 0x45 || previous == 0x65 || (previous == 0x27 && lastHadEscapes))
        case 0x22: state = .identifier
        case 0x24 where !Self.isWord(previous): tag = [byte]
        case 0x2d where previous == 0x2d:
            statement.removeLast(min(2, statement.count))
            state = .comment
        default: break
        }
    }

    private mutating func scanLiteral(_ byte: UInt8, escapes: Bool) {
        note(byte)
        if isEscaped {
            isEscaped = false
        } else if escapes, byte == 0x5c {
            isEscaped = true
        } else if byte == 0x27 {
            // A doubled quote leaves the string and enters it again at once; it must still know that it has escapes.
            lastHadEscapes = escapes
            state = .statement
        }
    }

    /// Passes over a string without escapes, whatever its length: large objects come as such.
    private mutating func skipLiteral(_ buffer: UnsafeRawBufferPointer, from position: Int) -> Int {
        guard let base = buffer.baseAddress, let quote = memchr(base + position, 0x27, buffer.count - position) else {
            return buffer.count
        }
        return UnsafeRawPointer(quote) - base
    }

    private mutating func scanDollar(_ byte: UInt8, end: [UInt8]) {
        // `tag` holds how much of the end has been seen.
        var seen = tag ?? []
        seen.append(byte)
        if end.starts(with: seen) {
            if seen.count == end.count {
                tag = nil
                state = .statement
                note(0x24)
            } else {
                tag = seen
            }
        } else {
            tag = byte == 0x24 ? [byte] : []
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x80...0xff: true
        default: false
        }
    }

    private mutating func endStatement() {
        let text = String(decoding: statement, as: UTF8.self)
        statement.removeAll(keepingCapacity: true)
        if text.hasPrefix("COPY "), text.hasSuffix(" FROM stdin;") {
            table = Self.table(text.dropFirst(5))
            // A table without rows has a block too, and counts as one with 0.
            rows[table, default: 0] += 0
            state = .copy
            lineIsLong = false
            line.removeAll(keepingCapacity: true)
            // The rest of the statement's own line, which is empty, will count as one.
            tableRows = -1
        } else if text.hasPrefix("SELECT pg_catalog.lo_create(") {
            largeObjects += 1
        }
    }

    /// `public."Odd name" (a, b) FROM stdin;` without what follows the name.
    private static func table(_ rest: Substring) -> String {
        var isQuoted = false
        var name = ""
        for character in rest {
            if character == "\"" { isQuoted.toggle() }
            if !isQuoted, character == " " { break }
            name.append(character)
        }
        return name
    }
}

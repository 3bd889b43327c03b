import Foundation

/// Takes in what a script written by `pg_restore -f -` holds, while it streams by: the rows of each COPY block with their
/// fingerprint, large objects, sequences, entries, grants. Every byte is looked at once; nothing of the data is kept.
///
/// A COPY block begins with a line `COPY table (columns) FROM stdin;` and ends with `\.`; names with a line feed in quotes
/// spread the first over several lines. Outside COPY blocks lines of other statements may look like anything, so strings,
/// quoted names, dollar quotes and comments are followed.
package struct ArchiveScanner: Sendable {
    /// What has been read to its end.
    package private(set) var facts = ArchiveFacts()
    /// The COPY blocks among it, in the order of the script; one table may have several.
    package private(set) var blocks: [Block] = []
    package private(set) var bytes: Int64 = 0
    /// Of the tables that have been read to their end.
    private var completedRows = 0

    /// One COPY block.
    package struct Block: Sendable, Equatable {
        package var table: String
        package var columns: String
        package var rows: Int
        package var fingerprint: Fingerprint
    }

    private enum State: Sendable, Equatable {
        case statement
        case literal(escapes: Bool)
        case identifier
        case dollar([UInt8])
        case comment
        case copy
    }

    private let hash: RowHash
    private var state = State.statement
    /// The entry that statements belong to, when it is one of an ACL.
    private var acl: String?
    /// What has been read of the statement, up to a limit: those of interest are short.
    private var statement: [UInt8] = []
    /// What has been read of a comment, up to a limit.
    private var comment: [UInt8] = []
    /// The rows that are being read, in state `copy`.
    private var block: CopyBlock?
    /// The large object that is open, and whether the literal being read is data of it beyond its `\x`.
    private var object: (any RowHashStream)?
    private var isObjectData = false
    private var isObjectPrefix = false
    /// The part of a dollar quote's tag or end that has been read.
    private var tag: [UInt8]?
    private var previous: UInt8 = 0
    private var isEscaped = false
    private var lastHadEscapes = false

    private static let statementLimit = 1 << 20
    private static let commentLimit = 1 << 12
    private static let objectData = Array("SELECT pg_catalog.lowrite(0, '".utf8)

    package init(hash: RowHash) { self.hash = hash }

    /// True between blocks and statements; false when the script has ended inside one.
    package var isComplete: Bool { state == .statement || state == .comment }
    /// Rows so far, those of the table that is being read included.
    package var totalRows: Int { completedRows + (block?.rows ?? 0) }
    /// The table whose data the script has ended in, if it has.
    package var openTable: String? { block?.table }

    package mutating func scan(_ buffer: UnsafeRawBufferPointer) {
        bytes += Int64(buffer.count)
        var position = 0
        while position < buffer.count {
            position = state == .copy ? scanData(buffer, from: position) : scanStatements(buffer, from: position)
        }
    }

    // MARK: data

    private mutating func scanData(_ buffer: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let (position, isEnded) = block?.scan(buffer, from: start) else { return buffer.count }
        if isEnded { endTable() }
        return position
    }

    private mutating func endTable() {
        guard let block else { return }
        var whole = facts.tables[block.table] ?? .init(rows: 0, fingerprint: Fingerprint(), columns: block.columns)
        whole.rows += block.rows
        whole.fingerprint = whole.fingerprint + block.fingerprint
        facts.tables[block.table] = whole
        blocks.append(
            Block(table: block.table, columns: block.columns, rows: block.rows, fingerprint: block.fingerprint))
        completedRows += block.rows
        self.block = nil
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
            case .comment: scanComment(byte)
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

    private mutating func scanComment(_ byte: UInt8) {
        guard byte == 0x0a else {
            if comment.count < Self.commentLimit { comment.append(byte) }
            return
        }
        state = .statement
        if comment.starts(with: Self.heading) || comment.starts(with: Self.dataHeading) {
            acl = facts.note(heading: decoded(comment).dropFirst())
        }
        comment.removeAll(keepingCapacity: true)
    }

    /// The script says its encoding before any name.
    private func decoded(_ bytes: [UInt8]) -> String {
        ByteText.decode(bytes, isUTF8: ByteText.isUTF8(facts.clientEncoding))
    }

    private static let heading = Array(" Name: ".utf8)
    private static let dataHeading = Array(" Data for Name: ".utf8)

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
            isObjectData = object != nil && statement == Self.objectData
            isObjectPrefix = isObjectData
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
        guard let base = buffer.baseAddress else { return buffer.count }
        let quote = memchr(base + position, 0x27, buffer.count - position)
        let end = quote.map { UnsafeRawPointer($0) - base } ?? buffer.count
        var part = UnsafeRawBufferPointer(rebasing: buffer[position..<end])
        if isObjectData {
            if isObjectPrefix, let sign = part.firstIndex(of: 0x78) {
                part = UnsafeRawBufferPointer(rebasing: part[(sign + 1)...])
                isObjectPrefix = false
            }
            if !isObjectPrefix { object?.add(part) }
        } else if statement.count < Self.statementLimit {
            statement += part.prefix(Self.statementLimit - statement.count)
        }
        return end
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
        let text = decoded(statement)
        statement.removeAll(keepingCapacity: true)
        if text.hasPrefix("COPY "), text.hasSuffix(" FROM stdin;") {
            let (name, columns) = Self.table(text.dropFirst(5).dropLast(12))
            block = CopyBlock(table: name, columns: columns, hash: hash)
            state = .copy
        } else if text.hasPrefix("SELECT pg_catalog.lo_open('") {
            let number = text.dropFirst(27).prefix { $0 != "'" } + "\t"
            object = hash.begin()
            var bytes = Array(number.utf8)
            bytes.withUnsafeMutableBytes { object?.add(UnsafeRawBufferPointer($0)) }
        } else if text == "SELECT pg_catalog.lo_close(0);" {
            if let object { facts.largeObjectData.add(object.finish()) }
            object = nil
        } else {
            facts.note(statement: text, acl: acl)
        }
    }

    /// `public."Odd name" (a, b)` as name and columns.
    private static func table(_ text: Substring) -> (name: String, columns: String) {
        var isQuoted = false
        let end = text.firstIndex { character in
            if character == "\"" { isQuoted.toggle() }
            return !isQuoted && character == " "
        }
        guard let end else { return (String(text), "") }
        return (String(text[..<end]), String(text[end...].drop { $0 == " " }))
    }
}

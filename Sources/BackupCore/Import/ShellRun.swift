/// A script followed at one moment: which dumps it would make. Nothing is run; what depends on more than the clock counts as
/// unknown, and both of its ways are gone.
struct ShellRun {
    enum Flow { case onward, nextRound, leaveLoop, leaveFunction, leaveScript }
    /// One comparison of the script with what `date` prints.
    struct Comparison: Hashable {
        let line: Int
        let wanted: String
        let format: String
    }
    struct Item: Equatable {
        var key: String
        var value: ShellValue
    }
    struct Note: Hashable {
        let line: Int
        let text: String
    }
    /// A function that is being followed.
    struct Call {
        /// No other call of this run has it.
        var number: Int
        var line: Int
        var arguments: [ShellValue]
    }

    let moment: ShellMoment
    let reading: ShellReading
    var variables: [String: ShellValue] = [:]
    /// Those of numbered arrays have the numbers as keys.
    var arrays: [String: [Item]] = [:]
    /// Declared with `-A`.
    var keyedArrays: Set<String> = []
    /// Lists to which something was added in doubt, and where.
    private var grown: [String: Int] = [:]
    var functions: [String: ShellNode] = [:]
    var arguments: [ShellValue] = []
    /// Lines that `read` has not taken yet; nil for input that is not known.
    var input: ArraySlice<Substring>?
    /// The server in whose container this is, for `docker exec … sh -c`.
    var place: FoundServer?
    var flow = Flow.onward
    /// What the last command ended with; nil when that is not known.
    var status: Bool? = true
    /// More than none: it is not known whether this is reached.
    var doubts = 0
    /// How many there were at the beginning of what `return`, `break` and `exit` leave: within no more of them they surely do.
    var leaving = (function: 0, loop: -1, script: 0)
    /// What then may have been ended with before: a `return` in doubt is passed by.
    var otherEnds: [Bool?] = []
    /// Calls, shells in shells and texts that are run, one in the other.
    var depth = 0
    var calls: [Call] = []
    var callCount = 0
    /// What `local` has hidden in this call.
    var hidden: [String: (ShellValue?, [Item]?)] = [:]
    /// Values of `date` without their leading zero.
    var isTrimming = false
    var trimmings: [String] = []
    /// Of the command that is followed.
    var line = 0

    var dumps: [FoundDump] = []
    var prunes: [FoundPrune] = []
    /// True for those that were met.
    var comparisons: [Comparison: Bool] = [:]
    var notes: [Note] = []
    private var isNoted: Set<Note> = []
    /// The numbers of commands that were reached, of the script itself.
    var reached: Set<Int> = []
    /// Texts that are run, one in the other.
    var textDepth = 0
    /// `${…}` and their kin, one in the other.
    var expansionDepth = 0
    /// Files that are written, as far as their names are known.
    var outputs: Set<String> = []
    /// The zones of the clocks that decided something; "" for the script's own.
    var zones: Set<String> = []
    /// Something hung on the day of the month.
    var asksDay = false
    var stepsLeft: Int

    init(_ moment: ShellMoment, _ reading: ShellReading, steps: Int) {
        (self.moment, self.reading, stepsLeft) = (moment, reading, steps)
    }

    /// Whether it would succeed; nil when that is not known.
    @discardableResult
    mutating func run(_ node: ShellNode) -> Bool? {
        guard flow == .onward else { return nil }
        stepsLeft -= 1
        guard stepsLeft > 0 else {
            flow = .leaveScript
            return nil
        }
        let ended = follow(node)
        if flow == .onward { status = ended }
        return ended
    }

    private mutating func follow(_ node: ShellNode) -> Bool? {
        switch node {
        case .simple(let simple): return run(simple)
        case .brackets(let tokens, let line): return judged(brackets(tokens, line: line), tokens, line: line)
        case .arithmetic(let text, let line): return arithmetic(text, line: line).map { $0 != 0 }
        case .not(let inner): return run(inner).map { !$0 }
        case .chain(let first, let links): return chain(first, links)
        case .pipeline(let nodes): return pipeline(nodes)
        case .subshell(let inner): return subshell { $0.run(inner) }
        case .list(let nodes):
            var status: Bool? = true
            for node in nodes where flow == .onward { status = run(node) }
            return status
        case .conditional(let branches, let otherwise): return conditional(branches, otherwise)
        case .cases(let word, let choices): return cases(word, choices)
        case .loop(let name, let words, let body, _): return loop(name, words, body)
        case .repeated(let condition, let body, let next): return repeated(condition, body, next)
        case .function(let name, let body):
            functions[name] = body
            return true
        case .fed(let node, let word): return fed(node, word)
        case .unread(let line):
            note(line, "what stands here lies too deep to be followed: left")
            return nil
        }
    }

    /// What leaves a loop or the script for an unknown reason does not end what is followed here, and what is set for one is
    /// not known afterwards. A list that has grown keeps what was added, and that is told: no database in it is lost.
    mutating func doubtfully(_ body: (inout ShellRun) -> Void) {
        let (variables, arrays) = (self.variables, self.arrays)
        stepsLeft -= (variables.count + arrays.count) / 8
        doubts += 1
        body(&self)
        doubts -= 1
        if stepsLeft > 0 { flow = .onward }
        for (name, value) in self.variables where variables[name] != value {
            if let old = variables[name]?.text, let new = value.text, new.hasPrefix(old + " ") {
                noteGrowth(name)
            } else {
                self.variables[name] = .unknown
            }
        }
        for (name, items) in self.arrays where arrays[name] != items {
            let old = arrays[name] ?? []
            if items.starts(with: old) { noteGrowth(name) } else { setArray(name, nil) }
        }
        for name in variables.keys where self.variables[name] == nil { self.variables[name] = .unknown }
        for name in arrays.keys where self.arrays[name] == nil { setArray(name, nil) }
    }

    /// Told when it is used: a list of what has failed is none of databases.
    private mutating func noteGrowth(_ name: String) { grown[name] = grown[name] ?? line }

    mutating func tellGrowth(of name: String) {
        guard let line = grown[name] else { return }
        note(line, "what is added to \(name) hangs on more than the clock: taken as if it always were")
    }

    /// In a shell of its own: nothing of it leaves this one.
    mutating func subshell(_ body: (inout ShellRun) -> Bool?) -> Bool? {
        guard depth < 30 else {
            note(line, "what is run here lies too deep to be followed: left")
            return nil
        }
        let outer = self
        stepsLeft -= 4
        depth += 1
        leaving.script = doubts
        otherEnds = []
        var ended = body(&self)
        if flow == .leaveScript || flow == .leaveFunction { ended = status }
        if otherEnds.contains(where: { $0 != ended }) { ended = nil }
        if stepsLeft > 0 { flow = .onward }
        (variables, arrays, functions, arguments, hidden) =
            (outer.variables, outer.arrays, outer.functions, outer.arguments, outer.hidden)
        (leaving, otherEnds, input, depth, place, keyedArrays) =
            (outer.leaving, outer.otherEnds, outer.input, outer.depth, outer.place, outer.keyedArrays)
        return ended
    }

    /// What is not known is taken as met, and what follows it still counts: unknown and false is false, unknown or true is true.
    private mutating func chain(_ first: ShellNode, _ links: [ShellNode.Link]) -> Bool? {
        var status = run(first)
        for link in links where flow == .onward {
            if let known = status {
                if known == link.isAnd { status = run(link.node) }
                continue
            }
            self.status = link.isAnd
            var ended: Bool?
            doubtfully { ended = $0.run(link.node) }
            if ended == !link.isAnd { status = ended }
        }
        return status
    }

    private mutating func pipeline(_ nodes: [ShellNode]) -> Bool? {
        guard nodes.count <= 200 else {
            note(line, "a pipeline of so many commands is not followed: left")
            return nil
        }
        let words = nodes.map { node -> [ShellValue] in
            guard case .simple(let simple) = node, simple.words.count <= 100 else { return [] }
            return simple.words.flatMap { expandToMany($0) }
        }
        if case .simple(let simple)? = nodes.first { line = simple.line }
        if let found = FoundPrune.of(words) { prune(found) }
        let outer = input
        var ended: Bool?
        for (index, node) in nodes.enumerated() where stepsLeft > 0 {
            if index > 0 { input = Self.printed(words[index - 1]).map { Self.lines($0) } }
            ended = subshell { $0.run(node) }
        }
        input = outer
        return ended
    }

    /// Once for each fact, so many as a person reads.
    mutating func note(_ line: Int, _ text: String) {
        let note = Note(line: line, text: text)
        guard notes.count < 2000, isNoted.insert(note).inserted else { return }
        notes.append(note)
    }
}

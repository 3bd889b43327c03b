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

    let moment: ShellMoment
    let reading: ShellReading
    var variables: [String: ShellValue] = [:]
    var arrays: [String: [ShellValue]] = [:]
    var functions: [String: ShellNode] = [:]
    var arguments: [ShellValue] = []
    var flow = Flow.onward
    /// More than none: it is not known whether this is reached.
    var doubts = 0
    var callDepth = 0
    /// Of the outermost call: where it stands and how many dumps it asks to keep.
    var call: (line: Int, keep: Int?)?

    var dumps: [FoundDump] = []
    var prunes: [FoundPrune] = []
    /// True for those that were met.
    var comparisons: [Comparison: Bool] = [:]
    /// By line, so that each is told once.
    var notes: [Int: String] = [:]
    /// `TZ` as the script sets it, or UTC for `date -u`.
    var zoneName: String?
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
        switch node {
        case .simple(let simple): return run(simple)
        case .brackets(let tokens, let line): return brackets(tokens, line: line)
        case .arithmetic(let text, let line): return arithmetic(text, line: line).map { $0 != 0 }
        case .not(let inner): return run(inner).map { !$0 }
        case .and(let left, let right): return both(left, right, going: true)
        case .or(let left, let right): return both(left, right, going: false)
        case .pipeline(let nodes): return pipeline(nodes)
        case .list(let nodes):
            var status: Bool? = true
            for node in nodes where flow == .onward { status = run(node) }
            return status
        case .conditional(let branches, let otherwise): return conditional(branches, otherwise)
        case .cases(let word, let choices): return cases(word, choices)
        case .loop(let name, let words, let body, let line): return loop(name, words, body, line: line)
        case .repeated(let condition, let body, _):
            doubtfully {
                $0.run(condition)
                $0.run(body)
            }
            return nil
        case .function(let name, let body):
            functions[name] = body
            return true
        }
    }

    /// What leaves a loop or the script for an unknown reason does not end what is followed here.
    mutating func doubtfully(_ body: (inout ShellRun) -> Void) {
        doubts += 1
        body(&self)
        doubts -= 1
        if stepsLeft > 0 { flow = .onward }
    }

    private mutating func both(_ left: ShellNode, _ right: ShellNode, going: Bool) -> Bool? {
        guard let status = run(left) else {
            doubtfully { $0.run(right) }
            return nil
        }
        return status == going ? run(right) : status
    }

    private mutating func pipeline(_ nodes: [ShellNode]) -> Bool? {
        let words = nodes.map { node -> [String] in
            if case .simple(let simple) = node { simple.words.map { expand($0).text ?? "" } } else { [] }
        }
        if let keep = FoundPrune.kept(by: words) { prunes.append(FoundPrune(keep: keep, scope: call?.line)) }
        var status: Bool?
        for node in nodes {
            status = run(node)
            // Each runs in a shell of its own: nothing of it leaves this one.
            if stepsLeft > 0 { flow = .onward }
        }
        return status
    }

    private mutating func conditional(_ branches: [ShellNode.Branch], _ otherwise: ShellNode?) -> Bool? {
        for (index, branch) in branches.enumerated() {
            switch run(branch.condition) {
            case .some(true): return run(branch.body)
            case .some(false): continue
            case .none:
                guard flow == .onward else { return nil }
                let rest = Array(branches[(index + 1)...])
                doubtfully { $0.run(branch.body) }
                doubtfully { _ = $0.conditional(rest, otherwise) }
                return nil
            }
        }
        return otherwise.map { run($0) } ?? true
    }

    private mutating func cases(_ word: ShellWord, _ choices: [ShellNode.Choice]) -> Bool? {
        let value = expand(word)
        guard value.text != nil else {
            for choice in choices { doubtfully { $0.run(choice.body) } }
            return nil
        }
        for choice in choices {
            var isMet = false
            for pattern in choice.patterns where matches(value, pattern, line: pattern.line) == true { isMet = true }
            if isMet { return run(choice.body) }
        }
        return true
    }

    private mutating func loop(_ name: String, _ words: [ShellWord], _ body: ShellNode, line: Int) -> Bool? {
        var values: [ShellValue] = []
        for word in words { values += expandToMany(word) }
        for value in values {
            guard value.text != nil else {
                variables[name] = .unknown
                doubtfully { $0.run(body) }
                continue
            }
            variables[name] = value
            run(body)
            switch flow {
            case .onward, .nextRound: flow = .onward
            case .leaveLoop:
                flow = .onward
                return nil
            case .leaveFunction, .leaveScript: return nil
            }
        }
        return nil
    }

    private mutating func run(_ simple: ShellNode.Simple) -> Bool? {
        // Each word is work.
        stepsLeft -= simple.words.count + simple.arrays.reduce(0) { $0 + $1.words.count }
        guard stepsLeft > 0 else {
            flow = .leaveScript
            return nil
        }
        for (name, words) in simple.arrays { arrays[name] = words.flatMap { expandToMany($0) } }
        guard !simple.words.isEmpty else {
            for (name, value) in simple.assignments { assign(name, expand(value)) }
            return simple.assignments.contains { !$0.value.parts.isEmpty && expand($0.value).text == nil } ? nil : true
        }
        var words: [ShellValue] = []
        for word in simple.words { words += expandToMany(word) }
        var environment: [String: ShellValue] = [:]
        for (name, value) in simple.assignments { environment[name] = expand(value) }
        return command(words, simple, environment)
    }

    mutating func assign(_ name: String, _ value: ShellValue) {
        variables[name] = value
        if name == "TZ", let zone = value.text { zoneName = zone }
    }

    private mutating func command(
        _ words: [ShellValue], _ simple: ShellNode.Simple, _ environment: [String: ShellValue]
    ) -> Bool? {
        let line = simple.line
        guard let name = words.first?.text else { return nil }
        switch name {
        case "[": return test(words.dropFirst().dropLast(words.last?.text == "]" ? 1 : 0), line: line)
        case "test": return test(words.dropFirst(), line: line)
        case "true", ":", "echo", "printf", "set", "shopt", "umask", "trap", "read": return name == "read" ? nil : true
        case "false": return false
        case "exit": leave(.leaveScript)
        case "return": leave(.leaveFunction)
        case "break": leave(.leaveLoop)
        case "continue": leave(.nextRound)
        case "shift": if !arguments.isEmpty { arguments.removeFirst() }
        case "local", "declare", "export", "readonly", "typeset":
            for word in simple.words.dropFirst() {
                if let (name, value) = word.assignment { assign(name, expand(value)) }
            }
            return true
        case ".", "source":
            note(line, "reads another file, which is not followed: \(words.dropFirst().first?.text ?? "?")")
        case _:
            if let body = functions[name] { return call(body, Array(words.dropFirst()), line: line) }
            return external(words, environment, line: line)
        }
        return nil
    }

    private mutating func leave(_ flow: Flow) { if doubts == 0 { self.flow = flow } }

    private mutating func call(_ body: ShellNode, _ values: [ShellValue], line: Int) -> Bool? {
        guard callDepth < 20 else { return nil }
        let (outer, outerCall) = (arguments, call)
        callDepth += 1
        arguments = values
        if call == nil { call = (line, FoundDump.keepCount(in: values.dropFirst())) }
        let status = run(body)
        if flow == .leaveFunction { flow = .onward }
        (arguments, call) = (outer, outerCall)
        callDepth -= 1
        // What a function ends with depends on programs.
        return status == nil ? nil : status
    }

    private mutating func external(_ words: [ShellValue], _ environment: [String: ShellValue], line: Int) -> Bool? {
        let command = DumpCommand(words, environment: variables.merging(environment) { $1 })
        let place = call?.line ?? line
        switch command.kind {
        case .dump(let database, let server):
            guard let database else {
                note(line, "a pg_dump whose database is not known here: left")
                return nil
            }
            dumps.append(
                FoundDump(database: database, server: server, keep: call?.keep, line: place, isDoubtful: doubts > 0))
        case .shell(let text):
            guard callDepth < 20 else { return nil }
            callDepth += 1
            let inner = ShellParser.parse(text, line: line)
            let outer = flow
            run(inner)
            if stepsLeft > 0 { flow = outer }
            callDepth -= 1
        case .namedBackup(let database):
            dumps.append(
                FoundDump(
                    database: database, server: .local, keep: FoundDump.keepCount(in: words.dropFirst(2)), line: place,
                    isDoubtful: doubts > 0))
        case .prune(let days): prunes.append(FoundPrune(days: days, scope: call?.line))
        case .cluster:
            note(line, "pg_dumpall: each dump has the server's roles beside it, no job is needed for them")
        case .script(let path): note(line, "calls \(path), which is not followed: import-cron reads that file too")
        case .other: break
        }
        if command.hasPassword {
            note(line, "a password stands here: it is not taken over, use \"passfile\" or \"passwordCredential\"")
        }
        return nil
    }

    mutating func note(_ line: Int, _ text: String) { notes[line] = notes[line] ?? text }
}

/// All places of a script that make a dump, reached or not: the functions that lead to one are known by their names.
struct ShellSurvey {
    struct Place {
        /// The command's own.
        var number: Int
        var line: Int
        var text: String
    }
    private var places: [(place: Place, name: String)] = []
    private var dumping: Set<String> = []
    /// By function, those that it calls.
    private var callees: [String: Set<String>] = [:]
    private var function = ""

    static func places(in node: ShellNode) -> [Place] {
        var survey = ShellSurvey()
        survey.visit(node)
        survey.spread()
        return survey.places.filter { $0.name.isEmpty || survey.dumping.contains($0.name) }.map(\.place)
    }

    /// Who calls a function that makes a dump makes one.
    private mutating func spread() {
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            for (name, called) in callees where !dumping.contains(name) && !called.isDisjoint(with: dumping) {
                dumping.insert(name)
                isGrowing = true
            }
        }
    }

    private mutating func visit(_ node: ShellNode) {
        switch node {
        case .simple(let simple): visit(simple)
        case .brackets, .arithmetic, .unread: break
        case .not(let inner), .subshell(let inner), .fed(let inner, _): visit(inner)
        case .chain(let first, let links):
            visit(first)
            for link in links { visit(link.node) }
        case .pipeline(let nodes), .list(let nodes): for node in nodes { visit(node) }
        case .conditional(let branches, let otherwise):
            for branch in branches {
                visit(branch.condition)
                visit(branch.body)
            }
            if let otherwise { visit(otherwise) }
        case .cases(_, let choices): for choice in choices { visit(choice.body) }
        case .loop(_, _, let body, _): visit(body)
        case .repeated(let condition, let body, let next):
            for node in [condition, body, next] { visit(node) }
        case .function(let name, let body):
            let outer = function
            function = name
            visit(body)
            function = outer
        }
    }

    private mutating func visit(_ simple: ShellNode.Simple) {
        let name = simple.words.first?.plain ?? ""
        let shown = simple.words.prefix(3).map { $0.plain ?? "…" }.joined(separator: " ")
        let place = Place(number: simple.number, line: simple.line, text: shown)
        let values = simple.words.map { ShellValue(text: $0.plain, outline: $0.sketch) }
        switch DumpCommand(values, environment: [:], place: nil).kind {
        case .dump, .unknownDump, .namedBackup:
            dumping.insert(function)
            places.append((place, ""))
        case .shell(let text, _) where text.contains("pg_dump"), .script(let text) where text.contains("backup"):
            dumping.insert(function)
            places.append((place, ""))
        case .cluster, .shell, .shellOfInput, .script, .prune, .unknownProgram, .other:
            let others = simple.words.dropFirst() + simple.assignments.map(\.value)
            if others.contains(where: { $0.runs && $0.sketch.contains("pg_dump") }) {
                dumping.insert(function)
                places.append((place, ""))
            } else if !name.isEmpty {
                callees[function, default: []].insert(name)
                places.append((place, name))
            }
        }
    }
}

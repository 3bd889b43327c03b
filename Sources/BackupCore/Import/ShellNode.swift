/// A script's structure, as far as is needed to follow which commands run when.
indirect enum ShellNode: Sendable {
    struct Simple: Sendable {
        var assignments: [(name: String, value: ShellWord)] = []
        var arrays: [(name: String, words: [ShellWord])] = []
        var words: [ShellWord] = []
        var line: Int
    }
    struct Branch: Sendable {
        var condition: ShellNode
        var body: ShellNode
    }
    struct Choice: Sendable {
        var patterns: [ShellWord]
        var body: ShellNode
    }
    case simple(Simple)
    /// `[[ … ]]`, without its brackets.
    case brackets([ShellToken], line: Int)
    case arithmetic(String, line: Int)
    case not(ShellNode)
    case and(ShellNode, ShellNode)
    case or(ShellNode, ShellNode)
    case pipeline([ShellNode])
    case list([ShellNode])
    case conditional([Branch], otherwise: ShellNode?)
    case cases(ShellWord, [Choice])
    case loop(String, [ShellWord], ShellNode, line: Int)
    case repeated(ShellNode, ShellNode, line: Int)
    case function(String, ShellNode)
}

/// A script's structure, as far as is needed to follow which commands run when.
indirect enum ShellNode: Sendable {
    struct Simple: Sendable {
        var assignments: [ShellWord.Assignment] = []
        var arrays: [Array] = []
        var words: [ShellWord] = []
        /// Files that it writes.
        var outputs: [ShellWord] = []
        var line: Int
        /// No other command of the text has it.
        var number: Int
    }
    /// `NAME=(word …)`, or `+=`.
    struct Array: Sendable, Equatable {
        var name: String
        var words: [ShellWord]
        var appends: Bool
    }
    struct Branch: Sendable {
        var condition: ShellNode
        var body: ShellNode
    }
    struct Choice: Sendable {
        /// `;;`, `;&` and `;;&`.
        enum End: Sendable { case leaves, fallsThrough, goesOn }
        var patterns: [ShellWord]
        var body: ShellNode
        var end: End
    }
    /// What follows `&&`, or `||`.
    struct Link: Sendable {
        var isAnd: Bool
        var node: ShellNode
    }
    case simple(Simple)
    /// `[[ … ]]`, without its brackets.
    case brackets([ShellToken], line: Int)
    case arithmetic(String, line: Int)
    case not(ShellNode)
    case chain(ShellNode, [Link])
    case pipeline([ShellNode])
    case subshell(ShellNode)
    case list([ShellNode])
    case conditional([Branch], otherwise: ShellNode?)
    case cases(ShellWord, [Choice])
    case loop(String, [ShellWord], ShellNode, line: Int)
    /// `while`, and `for ((…))` with what it does after each round.
    case repeated(ShellNode, ShellNode, next: ShellNode)
    case function(String, ShellNode)
    /// With `<<< word` or a here-document behind it; nil is a file.
    case fed(ShellNode, ShellWord?)
    /// Deeper than is read.
    case unread(line: Int)
}

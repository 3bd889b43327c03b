/// Something that a move would cut, leave behind or take along: a foreign key, a view, a grant.
package struct IsolationTie: Sendable, Hashable, Encodable {
    package enum Kind: String, Sendable, Encodable, CaseIterable {
        case foreignKeyIn = "foreign-key-in"
        case foreignKeyOut = "foreign-key-out"
        case foreignKeyAction = "foreign-key-action"
        case partition
        case subscription
        case largeObjects = "large-objects"
        case sequence
        case sequenceUser = "sequence-user"
        case policy
        case policyElsewhere = "policy-elsewhere"
        case trigger
        case grant
        case publication
        case publicationOfSchema = "publication-of-schema"
        case writingView = "writing-view"
        case view
        case column
        case boundFunction = "bound-function"
        case function
        case functionText = "function-text"
    }

    package var kind: Kind
    /// In the server's words: a constraint and its table, a function with its arguments, a role with its privileges.
    package var object: String
    /// Of those that move.
    package var table: String

    package init(kind: Kind, object: String, table: String) {
        self.kind = kind
        self.object = object
        self.table = table
    }
}

extension IsolationTie.Kind {
    /// What becomes of it, for people.
    package var meaning: String {
        switch self {
        case .foreignKeyIn: "foreign key of a table that stays: it would hold that table to rows of the archive"
        case .foreignKeyOut: "foreign key to a table that stays: it stays in force from the archive on"
        case .foreignKeyAction: "foreign key with an action, to a table that stays: it would change rows of the archive"
        case .partition: "partition or child on one side only: name both or neither"
        case .subscription: "subscription: it would fill the table in the archive, not the one of the target"
        case .largeObjects: "column that numbers large objects: they stay, a copied row would have the bare number"
        case .sequence: "sequence of nobody, or of a table that stays: it stays where it is"
        case .sequenceUser: "default of a table that stays: its sequence goes into the archive"
        case .policy: "row security policy: it goes into the archive, the target needs its own"
        case .policyElsewhere: "row security policy of a table that stays: it would look into the archive"
        case .trigger: "trigger: it goes into the archive, its function stays, the target needs its own"
        case .grant: "grant: on a table worth nothing without USAGE on the archive, the target needs its own"
        case .publication: "publication: it would go on publishing the table as one of the archive, not the target's"
        case .publicationOfSchema: "publication of a whole schema: the table would leave it"
        case .writingView: "view or rule that may write: it would go on in the archive"
        case .view: "view or rule: it would read the archive"
        case .column: "column of the table's row type, in a table that stays: it stays of that type"
        case .boundFunction: "function whose body is bound to the table: it would go on in the archive"
        case .function: "function of the table's row type: it would take rows of the archive"
        case .functionText: "function that mentions the table's name: it would not find it any more"
        }
    }
}

import BackupCore

/// A failure that the journal has been told of, whole: nobody says it again, it only ends the program.
package struct Told: Error {
    package let kind: Failure.Kind

    package init(kind: Failure.Kind) { self.kind = kind }
}

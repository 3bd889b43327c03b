/// What a run has found in its database that is not as expected, kept with what was expected then: the schedule may say something
/// else by now.
package struct Drift: Sendable, Equatable, Codable {
    package struct Difference: Sendable, Equatable, Codable {
        /// Nil when nobody knows it: an older program has noted the text alone.
        package var expectation: String?
        package var text: String

        package init(expectation: String?, text: String) {
            self.expectation = expectation
            self.text = text
        }
    }

    package var differences: [Difference]

    package init(differences: [Difference]) { self.differences = differences }

    package var text: String { differences.map(\.text).joined(separator: "; ") }

    /// What is left of it where only `expected` counts; nil for nothing.
    package func held(to expected: ExpectedContents?, database: String) -> Drift? {
        guard let expected else { return nil }
        let expectations = Audit.expectations(expected, database: database)
        let left = differences.filter { $0.expectation.map(expectations.contains) ?? true }
        return left.isEmpty ? nil : Drift(differences: left)
    }
}

/// What a server's "discover" asks for: which of its databases become jobs by themselves, and what those jobs are like.
package struct Discovery: Sendable, Equatable {
    /// The databases that are left out.
    package var exclude: DatabasePatterns
    /// The time between two looks at the server.
    package var everySeconds: Double
    /// What every found job is like, in all but its name and database.
    package var template: Job

    package init(exclude: DatabasePatterns = .none, everySeconds: Double = 3600, template: Job) {
        self.exclude = exclude
        self.everySeconds = everySeconds
        self.template = template
    }

    /// The job of a found database. One whose database is gone, or lets nobody in, does not run.
    package func job(of found: FoundDatabase) -> Job {
        var job = template
        job.name = found.job
        job.server = found.server
        job.database = found.database
        job.found = found
        job.isEnabled = template.isEnabled && found.standing == .present
        DrillDecoder.complete(&job)
        return job
    }

    /// Databases that nobody asks for: the server's templates, and what restores and drills of ours have made.
    static func isNeverFound(_ database: String) -> Bool {
        database == "template0" || database == "template1" || RestoreNames.isOurs(database)
    }
}

/// Patterns that each name databases, as psql's `\l` takes them: `*`, `?`, case folded outside double quotes.
package struct DatabasePatterns: Sendable, Equatable {
    package let texts: [String]
    package static let none = DatabasePatterns(checked: [])

    private init(checked texts: [String]) { self.texts = texts }

    /// Throws a `Failure(.usage)` that names the first text that is no pattern.
    package init(_ texts: [String]) throws {
        for text in texts { _ = try Self.expression(text) }
        self.init(checked: texts)
    }

    /// The pattern that names this one database.
    package static func literal(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_")
        }
        return isPlain ? name : SQL.identifier(name)
    }

    /// Tells whether a name is among those of any of the patterns; made once for many names.
    package func matcher() -> (String) -> Bool {
        let expressions = texts.compactMap { try? Self.expression($0) }  // checked in init
        return { name in expressions.contains { name.wholeMatch(of: $0) != nil } }
    }

    private static func expression(_ text: String) throws -> Regex<AnyRegexOutput> {
        let pattern = NamePattern(text)
        guard pattern.schema == nil else {
            throw Failure(
                .usage, "\"\(text)\" has a dot outside double quotes",
                hint: "Write the name of a database with a dot in double quotes.")
        }
        do {
            return try Regex(pattern.name).dotMatchesNewlines().matchingSemantics(.unicodeScalar)
        } catch {
            throw Failure(
                .usage, "\"\(text)\" is no pattern",
                hint: "Write a name with * and ? in it, and other signs in double quotes.")
        }
    }
}

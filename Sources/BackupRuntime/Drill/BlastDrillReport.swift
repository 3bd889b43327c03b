/// What a blast drill has to tell.
extension BlastDrill {
    /// What came of one database. Its keys are a promise.
    package struct Line: Sendable, Equatable, Encodable {
        package var job: String
        package var database: String
        package var dump: String
        package var tables: Int
        package var rows: Int
        /// From the dropping on the server's own number for it: another one for the database that was dropped, the same for others.
        package var isSameDatabase: Bool
        /// Everything is equal to the dump: of a job that was not dropped, after the dropping and after the restore.
        package var isEqual: Bool
        /// The first difference.
        package var difference: String?
    }

    package struct Report: Sendable, Equatable, Encodable {
        package var job: String
        package var place: String
        package var serverVersion: String
        /// The job's first.
        package var databases: [Line]
        /// Jobs of the server that have no good dump: nothing can be said of their databases, and so nothing is proven.
        package var without: [String]
        /// From the command to the compared database.
        package var restoreSeconds: Double
        package var isProven: Bool { databases.allSatisfy { $0.isEqual } && !databases.isEmpty && without.isEmpty }

        private enum CodingKeys: String, CodingKey {
            case job, place, serverVersion, databases, without, restoreSeconds, proven
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(job, forKey: .job)
            try container.encode(place, forKey: .place)
            try container.encode(serverVersion, forKey: .serverVersion)
            try container.encode(databases, forKey: .databases)
            try container.encode(without, forKey: .without)
            try container.encode(restoreSeconds, forKey: .restoreSeconds)
            try container.encode(isProven, forKey: .proven)
        }
    }
}

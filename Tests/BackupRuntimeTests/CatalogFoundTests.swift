import BackupCore
import BackupRuntime
import Foundation
import GRDB
import TestSupport
import Testing

/// What the catalog remembers of found databases.
@Suite struct CatalogFoundTests {
    private static let then = Date(timeIntervalSince1970: 1_795_000_000.25)

    @Test func `they come back as they were noted, in their order, for those who only read too`() async throws {
        try await withTemporaryFolder { folder in
            let found = [
                FoundDatabase(server: "two", database: "Größe/Ü", job: "Gr-1", oid: 4_294_967_295, since: Self.then),
                FoundDatabase(server: "one", database: "a", job: "a", standing: .vanished, since: Self.then),
                FoundDatabase(server: "one", database: "b", job: "b", oid: 7, standing: .closed, since: Self.then),
            ]
            let catalog = try Catalog.open(folder: folder)
            #expect(try catalog.found() == [])
            try catalog.setFound(found)
            #expect(try catalog.found() == found)
            #expect(try Catalog.read(folder: folder)?.found() == found)
            try catalog.setFound([found[2]])
            #expect(try catalog.found() == [found[2]])
        }
    }

    @Test func `a standing that nobody knows makes the catalog unusable, which the manifests mend`() async throws {
        try await withTemporaryFolder { folder in
            let catalog = try Catalog.open(folder: folder)
            try catalog.setFound([FoundDatabase(server: "one", database: "a", job: "a", since: Self.then)])
            try catalog.write { try $0.execute(sql: "UPDATE found SET standing = 'lost'") }
            #expect(throws: CatalogUnusable.self) { try catalog.found() }
        }
    }
}

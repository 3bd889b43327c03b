import TestSupport
import Testing

/// A runbook's commands for a server that only its container reaches, followed word for word.
@Suite(.withEngine) struct RunbookContainerTests {
    private static let odd = "odd 'name\" $HOME `x`"

    /// All of a database, in text.
    private func dump(_ container: TestContainer, _ database: String) async throws -> [Substring] {
        try await container.exec("pg_dump", "--create", "-U", "postgres", "-d", database).split(separator: "\n").filter
        {
            !$0.hasPrefix("--") && !$0.contains("restrict ")
        }
    }

    @Test(arguments: TestEngine.Image.allCases)
    func `stock tools in the container bring each database back`(image: TestEngine.Image) async throws {
        try await withContainerHost("runbook", image) { host, container in
            for database in [Self.odd, "plain"] {
                try await container.create(
                    database, "create table t as select g id, md5(g::text) v from generate_series(1, 3000) g")
            }
            try await container.sql(
                "postgres",
                "create role owner login; alter database plain owner to owner; alter database plain set work_mem = '7MB'"
            )
            let name = Self.odd.replacing("\"", with: "\\\"")
            try host.write(
                "\"odd\": {\"database\": \"\(name)\", \"format\": \"directory\", \(VerbTests.often)}, \"plain\": {\(VerbTests.often)}"
            )
            let dumped = try await host.call("backup", "--all")
            try #require(dumped.status == 0, "\(dumped.error)")
            let said = try await host.call("runbook")
            try #require(said.status == 0, "\(said.error)")
            for (database, heading) in [(Self.odd, "### `` \(Self.odd) ``"), ("plain", "### `plain`")] {
                let before = try await dump(container, database)
                #expect(before.count > 3000)
                try await container.sql(
                    "postgres", "drop database \"\(database.replacing("\"", with: "\"\""))\"")
                let stock = try FollowedRunbook(said.output).blocks(after: heading).filter { $0.contains("createdb") }
                try #require(stock.count == 1, "\(said.output)")
                let followed = try await FollowedRunbook.bash(
                    host, stock[0], environment: container.engine.environment)
                try #require(followed.status == 0, "\(followed.error)\n\(stock[0])")
                #expect(try await dump(container, database) == before)
            }
            try await container.untilClean("after a runbook")
            #expect(try await container.exec("sh", "-c", "ls -d /tmp/tmp.* 2> /dev/null | wc -l") == "0")
        }
    }
}

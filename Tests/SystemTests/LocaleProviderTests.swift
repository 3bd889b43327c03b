import TestSupport
import Testing

/// Databases of libc and of ICU, brought to a server whose own are of ICU.
@Suite struct LocaleProviderTests {
    @Test func `a database keeps its locale provider, by this program and by the runbook's stock tools`() async throws {
        try await withHost { host in
            let new = try await ScratchServer.begin(cluster: ["--locale-provider=icu", "--icu-locale=en"])
            defer { new.end() }
            let databases = ["provider libc", "provider icu"]
            try await host.server.create(databases[0], "create table t as select 'ä' v")
            try await host.server.psql(
                "postgres",
                "create database \"\(databases[1])\" template template0 encoding 'UTF8' locale_provider icu icu_locale 'de'"
            )
            try await host.server.psql(databases[1], "create table t as select 'ä' v")
            let jobs = ["libc", "icu"].map { "\"\($0)\": {\"database\": \"provider \($0)\", \(VerbTests.often)}" }
            try host.write(jobs.joined(separator: ", "))
            #expect(try await host.call("backup", "--all").status == 0)
            var moved = host
            moved.servers = "\"scratch\": {\"connection\": \"\(new.connection)\"}"
            try moved.write(jobs.joined(separator: ", "))
            let said = try await moved.call("runbook")
            for (job, database) in zip(["libc", "icu"], databases) {
                let before = try await host.server.fingerprint(database)
                let restored = try await moved.call("restore", job)
                #expect(restored.status == 0, "\(restored.error)")
                #expect(try await new.fingerprint(database) == before)
                try await new.drop(database)
                let stock = try FollowedRunbook(said.output).blocks(after: "### `\(database)`").filter {
                    $0.contains("createdb")
                }
                try #require(stock.count == 1, "\(said.output)")
                let followed = try await FollowedRunbook.bash(moved, stock[0])
                #expect(followed.status == 0, "\(followed.error)\n\(stock[0])")
                #expect(try await new.fingerprint(database) == before)
                try await host.server.drop(database)
            }
        }
    }
}

import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct AnswerKeyTests {
    /// What scripts and monitoring read: these keys are a promise.
    @Test func `the keys of every answer in JSON`() async throws {
        try await withHost { host in
            try await host.server.create("keys", "create table t (id int)")
            try host.write("\"keys\": {\(VerbTests.often), \"objectives\": {\"rto\": \"1h\"}}")
            for (arguments, keys) in [
                (
                    "backup keys",
                    "began bytes compression contents database databaseBytes dump ended entries extensions fingerprints format globals grants job largeObjectData largeObjects pgDumpVersion proof properties roles rows scriptBytes sequences server serverVersion sha256 snapshot textSettings tool unvalidated version warnings"
                ),
                ("list", "bytes dump job own path proof rows shared time"),
                (
                    "show keys",
                    "began bytes compression contents database databaseBytes dump ended entries extensions fingerprints format globals grants job largeObjectData largeObjects own pgDumpVersion proof properties roles rows scriptBytes sequences server serverVersion sha256 shared snapshot textSettings tool unvalidated version warnings"
                ),
                ("status", "healthy jobs"),
                ("history", "attempt began bytes coalesced database dump ended id job missed outcome rows"),
                ("next", "instant job slot"), ("next --drills", "instant job slot"),
                ("next --calendar daily", "instant slot"),
                ("prune --dry-run", "dump frees job reasons suspended verdict"),
                ("doctor --only disk", "checks failed passed skipped"),
                ("check --connect", "faults file findings jobs servers valid"),
                (
                    "restore keys --into keys_again",
                    "comparingSeconds createdRoles database dump fillingSeconds jobs notes rows seconds tables"
                ),
                (
                    "restore keys --replace --yes",
                    "comparingSeconds createdRoles database dropPrevious dump fillingSeconds jobs notes previous rows seconds tables undo"
                ),
            ] {
                let said = try await run(
                    TestHost.binary, arguments.split(separator: " ").map(String.init) + ["--json"],
                    environment: ["ARCHON_BACKUPD_CONFIG": host.config])
                #expect(said.status == 0, "\(arguments): \(said.error)")
                let answer = try JSONSerialization.jsonObject(with: Data(said.output.utf8))
                let object = try #require(
                    answer as? [String: Any] ?? (answer as? [[String: Any]])?.first, "\(arguments)")
                #expect(object.keys.sorted().joined(separator: " ") == keys, "\(arguments)")
            }
            // A drill changes what is known of the dump, and how the job stands.
            let proven =
                "assertions attempt began bytes dump dumpTime ended id job notes place restoreSeconds rows serverVersion verdict"
            #expect(try await keys(host, "drill", "keys") == proven)
            let line =
                "bytes database drill drilledDump drilling dumps healthy job lastDrill lastSuccess missed missedObjectives next nextDrill nextLocal rpoObjectiveSeconds rpoSeconds rtoObjectiveSeconds rtoSeconds state"
            #expect(try await keys(host, "status") == line)
            #expect(
                try await keys(host, "show", "keys")
                    == "began bytes compression contents database databaseBytes drill dump ended entries extensions fingerprints format globals grants job largeObjectData largeObjects own pgDumpVersion proof properties roles rows scriptBytes sequences server serverVersion sha256 shared snapshot textSettings tool unvalidated version warnings"
            )
            // One that fails says why, in both; there is no good dump any more.
            try host.write(
                "\"keys\": {\(VerbTests.often), \"drill\": {\"assertions\": [\"SELECT false\"]}, \"database\": \"no keys\"}"
            )
            #expect(
                try await keys(host, "drill", "keys", status: 65)
                    == "assertions attempt began dump dumpTime ended id job notes place reason rows verdict")
            #expect(
                try await keys(host, "status")
                    == "bytes database drill drillReason drilledDump drilling dumps error healthy job lastDrill missed missedObjectives next nextDrill nextLocal rpoObjectiveSeconds rtoSeconds state"
            )
            for name in try await host.server.psql(
                "postgres", "select datname from pg_database where datname like 'keys%'"
            ).split(separator: "\n") {
                try await host.server.drop(String(name))
            }
        }
    }

    /// Of an answer, its first line, or the first of its jobs.
    private func keys(_ host: TestHost, _ arguments: String..., status: Int32 = 0) async throws -> String {
        let said = try await run(
            TestHost.binary, arguments + ["--json"], environment: ["ARCHON_BACKUPD_CONFIG": host.config])
        #expect(said.status == status, "\(arguments): \(said.error)")
        let answer = try JSONSerialization.jsonObject(with: Data(said.output.utf8))
        let lines = (answer as? [String: Any])?["jobs"] ?? answer
        let object = try #require(lines as? [String: Any] ?? (lines as? [[String: Any]])?.first, "\(arguments)")
        return object.keys.sorted().joined(separator: " ")
    }
}

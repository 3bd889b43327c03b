import BackupCore
import Foundation
import TestSupport
import Testing

@testable import BackupRuntime

/// A dump that is not what its source is: the run fails, says where, and keeps nothing.
@Suite struct SourceProofTests {
    private static let sql =
        "create table t (id int, v text); insert into t select g, 'row ' || g from generate_series(1, 30) g; create table empty (id int)"

    private func expect(
        _ failure: Failure?, _ texts: String..., kind: Failure.Kind = .failed, line: SourceLocation = #_sourceLocation
    ) {
        let said = failure?.description ?? "no failure"
        #expect(failure?.kind == kind, "\(said)", sourceLocation: line)
        for text in texts { #expect(said.contains(text), "\(text) in \(said)", sourceLocation: line) }
    }

    /// Takes `--snapshot=…` from the arguments.
    private static let withoutSnapshot =
        "for word do shift; case $word in --snapshot=*) ;; *) set -- \"$@\" \"$word\" ;; esac; done"

    @Test(arguments: [SourceProof.source, .sourceContent])
    func `a pg_dump that leaves rows out, or dumps another database`(proof: SourceProof) async throws {
        try await withHost { host in
            let stage = try await DrillStage(host, Self.sql)
            let without = try await stage.programs(["pg_dump": "exec \"$real\" \"$@\" --exclude-table-data=t"])
            expect(try await stage.failure(proof, tools: without), "public.t is missing, with 30 rows")
            let table = try await stage.programs(["pg_dump": "exec \"$real\" \"$@\" --exclude-table=t"])
            expect(try await stage.failure(proof, tools: table), "public.t is missing, with 30 rows")
            // What has happened since the snapshot is not in the counts.
            let late = try await stage.programs([
                "pg_dump":
                    "\(Self.withoutSnapshot)\n$(dirname \"$real\")/psql -X -q -d \"host='\(host.server.folder)/pg' user=postgres dbname=\(stage.database)\" -c 'delete from t where id = 7' || exit 9\nexec \"$real\" \"$@\""
            ])
            expect(try await stage.failure(proof, tools: late), "public.t has 29 rows where the source says 30")
            // A row that is another one now is seen by its contents alone.
            let altered = try await stage.programs([
                "pg_dump":
                    "\(Self.withoutSnapshot)\n$(dirname \"$real\")/psql -X -q -d \"host='\(host.server.folder)/pg' user=postgres dbname=\(stage.database)\" -c \"update t set v = v || '!' where id = 8\" || exit 9\nexec \"$real\" \"$@\""
            ])
            if proof == .sourceContent {
                expect(
                    try await stage.failure(proof, tools: altered),
                    "public.t has rows with other contents than the source says")
            }
            let other = try await DrillStage(host, Self.sql, "elsewhere")
            let elsewhere = try await stage.programs([
                "pg_dump":
                    "for word do shift; case $word in --snapshot=*) ;; --dbname=*) set -- \"$@\" \"$(echo \"$word\" | sed 's/\(stage.database)/\(other.database)/')\" ;; *) set -- \"$@\" \"$word\" ;; esac; done\nexec \"$real\" \"$@\""
            ])
            expect(
                try await stage.failure(proof, tools: elsewhere),
                "pg_dump has dumped the database \(other.database), not \(stage.database)")
            // With the programs as they are, nothing is wrong.
            let manifest = try await stage.backUp(proof)
            #expect(manifest.proof == .matched && manifest.matched == (proof == .source ? .rows : .content))
            try await stage.end()
            try await other.end()
        }
    }

    @Test(arguments: [SourceProof.read, .source, .sourceContent])
    func `rows that a role may not see`(proof: SourceProof) async throws {
        try await withHost { host in
            let role = "dumper\(UInt32.random(in: 0 ... .max))"
            let stage = try await DrillStage(
                host,
                Self.sql
                    + "; create role \(role) login; grant pg_read_all_data to \(role); alter table t enable row level security; create policy few on t using (id < 10)"
            )
            let server = Server(name: "s", connection: "host=\(host.server.folder)/pg user=\(role)")
            // pg_dump itself refuses, and a pg_dump that is content with what it sees is found.
            expect(try await stage.failure(proof, as: server), "\"t\"", "row-level security")
            if proof != .read {
                let content = try await stage.programs(["pg_dump": "exec \"$real\" \"$@\" --enable-row-security"])
                expect(try await stage.failure(proof, as: server, tools: content), "\"t\"", "row-level security")
            }
            try await host.server.psql(stage.database, "alter table t disable row level security")
            _ = try await stage.backUp(proof, as: server)
            try await stage.end()
            try await host.server.psql("postgres", "drop role \(role)")
        }
    }

    @Test(arguments: [SourceProof.read, .source, .sourceContent])
    func `a lost privilege, and a pattern that matches nothing`(proof: SourceProof) async throws {
        try await withHost { host in
            let role = "dumper\(UInt32.random(in: 0 ... .max))"
            var stage = try await DrillStage(
                host, Self.sql + "; create role \(role) login; grant select on empty to \(role)")
            let server = Server(name: "s", connection: "host=\(host.server.folder)/pg user=\(role)")
            expect(try await stage.failure(proof, as: server), "permission denied for table t")
            stage.job.excludeTables = ["typo_*"]
            expect(
                try await stage.failure(proof),
                "excludeTables of job has \"typo_*\", which matches nothing in \(stage.database)")
            stage.job.excludeTables = ["t"]
            let manifest = try await stage.backUp(proof)
            #expect(manifest.rows == ["public.empty": 0])
            try await host.server.psql(stage.database, "drop owned by \(role); drop role \(role)")
            try await stage.end()
        }
    }
}

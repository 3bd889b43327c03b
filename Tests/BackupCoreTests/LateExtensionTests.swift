import BackupCore
import Testing

/// What is of pg_cron in an archive, and what only looks so. With a server it is in CronExtensionTests.
@Suite struct LateExtensionTests {
    private let cron = LateExtension.cron

    @Test(arguments: [
        "EXTENSION - pg_cron ", "COMMENT - EXTENSION pg_cron ", "TABLE DATA cron job postgres",
        "SEQUENCE SET cron jobid_seq postgres", "ACL - SCHEMA cron postgres", "ACL cron TABLE job postgres",
        "DEFAULT ACL cron DEFAULT PRIVILEGES FOR TABLES postgres", "POLICY cron job_run_details p postgres",
    ])
    func `its entries`(entry: String) { #expect(cron.owns(entry)) }

    @Test(arguments: [
        "EXTENSION - pg_cron_more ", "TABLE public cron postgres", "TABLE DATA public cron postgres",
        "TABLE A cron postgres",
        "SCHEMA - cron_x postgres", "ACL - SCHEMA crontab postgres", "TABLE crontab job postgres",
    ])
    func `not its entries`(entry: String) { #expect(!cron.owns(entry)) }

    @Test func `facts without it have all else`() {
        var facts = ArchiveFacts()
        facts.contents = [
            "EXTENSION": ["- pg_cron ", "- vector "], "TABLE DATA": ["cron job a", "public t a"],
            "SEQUENCE SET": ["cron s a"],
            "ACL": ["cron TABLE job a", "public TABLE t a"],
        ]
        let row = ArchiveFacts.TableData(rows: 1, fingerprint: Fingerprint(), columns: "(a)")
        facts.tables = ["cron.job": row, "public.t": row, "crontab.t": row]
        facts.sequences = ["cron.s": .init(lastValue: 1, isCalled: true)]
        facts.grants = [
            "GRANT SELECT ON TABLE cron.job TO b;", "GRANT SELECT ON TABLE public.t TO b;",
            "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA cron GRANT ALL ON TABLES TO b;",
        ]
        facts.aclEntries = [
            "GRANT SELECT ON TABLE cron.job TO b;": "cron TABLE job a",
            "GRANT SELECT ON TABLE public.t TO b;": "public TABLE t a",
        ]
        let rest = facts.without(cron)
        #expect(cron.isIn(facts.contents) && !cron.isIn(rest.contents))
        #expect(
            rest.contents == ["EXTENSION": ["- vector "], "TABLE DATA": ["public t a"], "ACL": ["public TABLE t a"]])
        #expect(Set(rest.tables.keys) == ["public.t", "crontab.t"] && rest.sequences.isEmpty)
        #expect(rest.grants == ["GRANT SELECT ON TABLE public.t TO b;"])
    }
}

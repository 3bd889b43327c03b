import BackupRuntime
import Testing

@Suite struct EventTests {
    @Test(arguments: [
        ("pg_dump: could not connect: password=s3cret host=db", "pg_dump: could not connect: password=… host=db"),
        ("PGPASSWD = 's3 cret' was set", "PGPASSWD = … was set"),
        ("{\"Password\": \"s3 cret\", \"n\": 1}", "{\"Password\": …, \"n\": 1}"),
        ("ALTER ROLE app PASSWORD 's3cret'", "ALTER ROLE app PASSWORD …"),
        ("no answer of postgresql://app:s3cret@db/archon", "no answer of postgresql://app:…@db/archon"),
        ("past it PaSsWoRd=s3cret", "past it PaSsWoRd=…"),
        ("postgres://app:s3cret@db and password: s3cret", "postgres://app:…@db and password: …"),
    ])
    func `no password reaches the journal`(said: String, written: String) {
        #expect(Event(.warning, said).message == written)
        #expect(Event(.warning, "", ["REASON": said]).fields == ["REASON": written])
    }

    @Test(arguments: [
        "", "archon_db: run began", "archon_db: backup_archon_db_20261123T020000Z, 41.2 MiB, 61204 rows in 9 tables",
        "the path /backups/partial is not there", "ask operator@example.org", "Übermaß: p a ss word",
        "pas", "passed over: pa", "a@b:c at //host",
    ])
    func `other texts reach it as they are`(said: String) {
        #expect(Event(.warning, said).message == said)
    }
}

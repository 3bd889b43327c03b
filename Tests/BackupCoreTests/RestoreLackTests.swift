import Testing

@testable import BackupCore

/// What pg_restore says when the place lacks something, as servers have said it.
@Suite struct RestoreLackTests {
    @Test(arguments: [
        """
        pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/16385/16397": No space left on device
        HINT:  Check free disk space.
        CONTEXT:  COPY t, line 34598
        """,
        // The last page of the disk was half of one of the server's: there is no error of the system to tell.
        """
        pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/16385/16397": wrote only 4096 of 8192 bytes at block 5759
        HINT:  Check free disk space.
        CONTEXT:  COPY t, line 34598
        pg_restore: error: a worker process died unexpectedly
        """,
        """
        pg_restore: error: could not execute query: ERROR:  could not write block 11 in file "base/5/16397": wrote only 4096 of 8192 bytes
        HINT:  Check free disk space.
        """,
    ]) func `a disk that is full`(said: String) {
        #expect(RestoreLack.find(in: said)?.what == "there is no room left")
    }

    @Test(arguments: [
        (
            """
            pg_restore: error: could not execute query: ERROR:  security label provider "pgsodium" is not loaded
            Command was: SECURITY LABEL FOR pgsodium ON COLUMN vault.secrets.secret IS 'ENCRYPT WITH KEY COLUMN key_id';
            """,
            "a provider of security labels is not loaded"
        ),
        (
            """
            pg_restore: error: could not execute query: ERROR:  extension "pg_cron" is not available
            DETAIL:  Could not open extension control file "/usr/share/postgresql/15/extension/pg_cron.control": No such file or directory.
            HINT:  The extension must first be installed on the system where PostgreSQL is running.
            Command was: CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog;
            """,
            "an extension's files are missing"
        ),
        (
            """
            pg_restore: error: could not execute query: ERROR:  relation "a" does not exist
            Command was: ALTER TABLE a
                OWNER TO b;
            pg_restore: error: could not execute query: server closed the connection unexpectedly
            \tThis probably means the server terminated abnormally
            """,
            "the connection to the server was lost"
        ),
    ]) func `what stands in a detail, or after a command, is seen`(said: String, what: String) {
        #expect(RestoreLack.find(in: said)?.what == what)
    }

    @Test func `a disk that fails is told as one`() {
        let said = """
            pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/16385/16397": Input/output error
            HINT:  Check free disk space.
            """
        #expect(RestoreLack.find(in: said)?.what == "the server's disk did not take what it wrote")
    }

    @Test(arguments: [
        (
            "pg_restore: error: could not execute query: ERROR:  out of memory\nDETAIL:  Failed on request of size 67108864 in memory context \"maintenance\".",
            "there was too little memory"
        ),
        (
            "pg_restore: error: could not execute query: ERROR:  out of shared memory\nHINT:  You might need to increase max_locks_per_transaction.",
            "the server has too few locks"
        ),
        (
            "pg_restore: error: could not execute query: ERROR:  could not open file \"base/5/16397\": Too many open files in system",
            "the system's open files were used up"
        ),
    ]) func `what the system had no more of`(said: String, what: String) {
        #expect(RestoreLack.find(in: said)?.what == what)
    }

    @Test(arguments: [
        "pg_restore: error: could not execute query: ERROR:  could not create unique index \"t_pkey\"\nDETAIL:  Key (id)=(1) is duplicated.",
        "pg_restore: error: could not read from input file: Input/output error",
        "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for type integer: \"x\"",
        // Signs in what is quoted of the dump.
        """
        pg_restore: error: COPY failed for table "logs": ERROR:  missing data for column "level"
        CONTEXT:  COPY logs, line 7: "3 could not write: No space left on device
        out of memory"
        """,
        """
        pg_restore: error: could not execute query: ERROR:  could not create unique index "logs_said_key"
        DETAIL:  Key (said)=(server closed the connection) is duplicated.
        Command was: CREATE UNIQUE INDEX logs_said_key ON logs (said)
        """,
        """
        pg_restore: error: could not execute query: ERROR:  function missing() does not exist
        LINE 2:   SELECT missing() /* in recovery mode */
                         ^
        HINT:  No function matches the given name and argument types.
        Command was: CREATE FUNCTION f() RETURNS text LANGUAGE sql
            RETURN current_setting('shared_preload_libraries') || missing();
        """,
    ]) func `what is the dump's own fault is no lack`(said: String) {
        #expect(RestoreLack.find(in: said) == nil)
    }
}

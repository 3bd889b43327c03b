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

    @Test func `a disk that fails is told as one`() {
        let said = """
            pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/16385/16397": Input/output error
            HINT:  Check free disk space.
            """
        #expect(RestoreLack.find(in: said)?.what == "the server's disk did not take what it wrote")
    }

    @Test(arguments: [
        "pg_restore: error: could not execute query: ERROR:  could not create unique index \"t_pkey\"\nDETAIL:  Key (id)=(1) is duplicated.",
        "pg_restore: error: could not read from input file: Input/output error",
        "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input syntax for type integer: \"x\"",
    ]) func `what is the dump's own fault is no lack`(said: String) {
        #expect(RestoreLack.find(in: said) == nil)
    }
}

import BackupCore
import Testing

@Suite struct RoleScriptTests {
    private let script = RoleScript(
        #"""
        --
        -- Roles
        --
        CREATE ROLE app;
        ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';
        CREATE ROLE "Odd ""role""";
        ALTER ROLE "Odd ""role""" WITH NOLOGIN;
        CREATE ROLE postgres;
        ALTER ROLE postgres WITH SUPERUSER;
        ALTER ROLE app SET search_path TO 'app';
        ALTER ROLE app IN DATABASE other SET work_mem TO '1MB';
        GRANT "Odd ""role""" TO app GRANTED BY postgres;
        GRANT app TO postgres;
        """#)

    @Test func `only what makes the missing roles is taken`() {
        #expect(script.roles == ["app", "Odd \"role\"", "postgres"])
        #expect(
            script.definitions(of: ["app"]) == [
                "CREATE ROLE app;", "ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';",
                "ALTER ROLE app SET search_path TO 'app';",
            ])
        #expect(script.memberships(of: ["postgres"]) == ["GRANT app TO postgres;"])
        #expect(script.definitions(of: []).isEmpty && script.memberships(of: []).isEmpty)
    }

    /// That a server takes it is in MajorsTests.
    @Test(arguments: [
        ("GRANT a TO b GRANTED BY postgres;", "GRANT a TO b;"),
        (
            "GRANT a TO b WITH ADMIN OPTION, INHERIT FALSE GRANTED BY \"c d\";",
            "GRANT a TO b WITH ADMIN OPTION, INHERIT FALSE;"
        ),
        (
            "GRANT \"a GRANTED BY b\" TO \"c GRANTED BY d\" GRANTED BY e;",
            "GRANT \"a GRANTED BY b\" TO \"c GRANTED BY d\";"
        ),
    ])
    func `a grantor is asked for, and left to the server where it refuses`(line: String, plain: String) throws {
        let member = line.contains("\"c GRANTED") ? "c GRANTED BY d" : "b"
        let statements = RoleScript(line).memberships(of: [member])
        let statement = try #require(statements.first)
        #expect(
            statement.hasPrefix("DO 'BEGIN \(line)\n") && statement.hasSuffix(" THEN \(plain)\nEND'"), "\(statement)")
        #expect(statement.components(separatedBy: plain.dropLast()).count == 3)
    }
}

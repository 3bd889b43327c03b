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
            script.statements(creating: ["app"]) == [
                "CREATE ROLE app;", "ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$4096:x';",
                "ALTER ROLE app SET search_path TO 'app';", "GRANT \"Odd \"\"role\"\"\" TO app GRANTED BY postgres;",
            ])
        #expect(script.statements(creating: []).isEmpty)
    }
}

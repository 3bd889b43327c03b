import BackupCore
import Testing

/// The roles of a server, merged from what lies beside its databases' dumps.
@Suite struct ServerRolesTests {
    private static let newest = RoleScript(
        """
        CREATE ROLE postgres;
        ALTER ROLE postgres WITH SUPERUSER;
        CREATE ROLE app;
        ALTER ROLE app WITH LOGIN PASSWORD 'new';
        CREATE ROLE readers;
        GRANT readers TO app GRANTED BY postgres;
        ALTER ROLE app IN DATABASE app SET work_mem TO '5MB';
        """)
    private static let older = RoleScript(
        """
        CREATE ROLE app;
        ALTER ROLE app WITH LOGIN PASSWORD 'old';
        CREATE ROLE dropped;
        CREATE ROLE "left over";
        ALTER ROLE "left over" WITH LOGIN;
        GRANT dropped TO "left over" GRANTED BY postgres;
        """)

    @Test func `all of the newest as it has them, and of older ones what their dumps need`() {
        let roles = ServerRoles([
            .init(script: Self.newest, needed: ["app"]),
            .init(script: Self.older, needed: ["app", "left over", "dropped"]),
        ])
        #expect(roles.roles == ["postgres", "app", "readers", "dropped", "left over"])
        let statements = roles.statements(leaving: ["postgres"])
        // Memberships last; how a grantor is asked for is in RoleScriptTests.
        #expect(
            statements.map { $0.hasPrefix("DO 'BEGIN ") ? String($0.dropFirst(10).prefix { $0 != "\n" }) : $0 } == [
                "CREATE ROLE app;", "ALTER ROLE app WITH LOGIN PASSWORD 'new';", "CREATE ROLE readers;",
                "CREATE ROLE dropped;", "CREATE ROLE \"left over\";", "ALTER ROLE \"left over\" WITH LOGIN;",
                "GRANT readers TO app GRANTED BY postgres;", "GRANT dropped TO \"left over\" GRANTED BY postgres;",
            ])
    }

    @Test func `one that was dropped meanwhile and that nobody needs is not made`() {
        let roles = ServerRoles([
            .init(script: Self.newest, needed: nil), .init(script: Self.older, needed: ["app"]),
        ])
        #expect(roles.roles == ["postgres", "app", "readers"])
        #expect(ServerRoles([]).statements(leaving: []) == [])
    }
}

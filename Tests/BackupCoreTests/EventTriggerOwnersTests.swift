import BackupCore
import Testing

/// That a server takes them is in EventTriggerTests.
@Suite struct EventTriggerOwnersTests {
    @Test func `each owner is one for the statement alone, and nothing else of the script is taken`() {
        let script = #"""
            --
            -- Name: watch; Type: EVENT TRIGGER; Schema: -; Owner: app
            --
            CREATE EVENT TRIGGER watch ON sql_drop
               EXECUTE FUNCTION public.watch();
            ALTER EVENT TRIGGER watch DISABLE;
            ALTER EVENT TRIGGER watch OWNER TO app;
            CREATE EVENT TRIGGER "x OWNER TO y" ON sql_drop
               EXECUTE FUNCTION public.watch();
            ALTER EVENT TRIGGER "x OWNER TO y" ENABLE ALWAYS;
            ALTER EVENT TRIGGER "x OWNER TO y" OWNER TO "it's ""b""";
            ALTER EVENT TRIGGER made OWNER TO maker;
            COMMENT ON EVENT TRIGGER watch IS 'ALTER OWNER TO z';
            """#
        let statements = EventTriggerOwners.statements(in: script, maker: "maker")
        #expect(statements.count == 3 && statements[0].hasPrefix("LOCK TABLE"))
        #expect(
            statements[1].contains("rolname = ''app'') THEN ALTER EVENT TRIGGER watch OWNER TO app;"), "\(statements)")
        #expect(
            statements[1].contains(
                #"ALTER ROLE "app" SUPERUSER; ALTER EVENT TRIGGER watch OWNER TO app; ALTER ROLE "app" NOSUPERUSER;"#))
        #expect(
            statements[2].contains(
                #"ALTER ROLE "it''s ""b""" SUPERUSER; ALTER EVENT TRIGGER "x OWNER TO y" OWNER TO "it''s ""b"""; ALTER ROLE"#
            ))
        #expect(statements.allSatisfy { !$0.contains("ENABLE") && !$0.contains("DISABLE") })
    }
}

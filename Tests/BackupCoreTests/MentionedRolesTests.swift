@testable import BackupCore
import Testing

/// Statements as pg_dump writes them.
@Suite struct MentionedRolesTests {
    @Test(arguments: [
        ("ALTER TABLE public.t OWNER TO app;", ["app"]),
        ("ALTER FUNCTION public.f(a integer, \"to\" text) OWNER TO \"Odd \"\"Role\";", ["Odd \"Role"]),
        ("GRANT SELECT,INSERT ON TABLE public.\"a TO b\" TO \"two words\" WITH GRANT OPTION;", ["two words"]),
        ("GRANT USAGE ON SCHEMA public TO PUBLIC;", []), ("GRANT \"A\" TO b;", ["b"]),
        ("REVOKE ALL ON TABLE public.t FROM app;", ["app"]),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA public GRANT ALL ON TABLES  TO reader;",
            ["maker", "reader"]
        ),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE maker REVOKE ALL ON TABLES  FROM maker;", ["maker", "maker"]),
        ("SET SESSION AUTHORIZATION granter;", ["granter"]),
        ("CREATE USER MAPPING FOR \"Far\" SERVER s OPTIONS (\n    \"user\" 'x TO y'\n);", ["Far"]),
        ("CREATE POLICY p ON public.t FOR SELECT TO a, \"B c\" USING ((v = 'x TO y'::text));", ["a", "B c"]),
        ("CREATE POLICY p ON public.t USING ((v = 'x TO y'::text));", []),
        ("GRANT SELECT ON TABLE public.t TO \"q\"\"\u{301}\";", ["q\"\u{301}"]),
        ("COMMENT ON TABLE public.t IS 'GRANT x TO y';", []),
        ("ALTER TABLE ONLY public.t ADD CONSTRAINT c UNIQUE (a);", []),
    ])
    func `owners, those who are granted something and those of policies are named`(statement: String, roles: [String]) {
        #expect(
            MentionedRoles.find(in: statement).map { Array($0.unicodeScalars) }
                == roles.map { Array($0.unicodeScalars) })
    }
}

import BackupCore
import BackupRuntime
import Testing

@Suite struct InlineConstraintTests {
    private func facts(_ script: String, _ bytes: [UInt8]? = nil) -> ArchiveFacts {
        var scanner = ArchiveScanner(hash: .xxh3)
        (bytes ?? Array(script.utf8)).withUnsafeBytes { scanner.scan($0) }
        return scanner.facts
    }

    @Test func `constraints within CREATE TABLE and CREATE DOMAIN are known by name`() {
        let facts = facts(
            """
            CREATE TABLE public."odd (name" (
                id integer NOT NULL,
                "a NOT NULL" text,
                "b c" text DEFAULT 'x'::text NOT NULL,
                CONSTRAINT "a check" CHECK (("a NOT NULL" IS NOT NULL)),
                CONSTRAINT b CHECK ((id > 0)) NOT VALID
            );
            CREATE UNLOGGED TABLE s.u (
                id integer NOT NULL
            );
            CREATE DOMAIN public.d AS integer NOT NULL
            \tCONSTRAINT d_check CHECK ((VALUE > 0));
            CREATE DOMAIN public.plain AS text NOT NULL;
            CREATE VIEW public.v AS
             SELECT t.a
               FROM t
              WHERE (t.a IS
                NOT NULL);
            CREATE TABLE public.free (
                id integer
            );

            """)
        #expect(
            facts.inlineConstraints == [
                "public.\"odd (name\" id NOT NULL", "public.\"odd (name\" \"b c\" NOT NULL",
                "public.\"odd (name\" \"a check\"", "public.\"odd (name\" b", "s.u id NOT NULL", "public.d NOT NULL",
                "public.d d_check", "public.plain NOT NULL",
            ])
    }

    @Test func `one that is missing, and one too many, are differences`() {
        var differences = Differences(from: "the dump")
        differences.compareInlineConstraints(["public.t a", "public.t b"], ["public.t b", "public.t c"])
        #expect(
            differences.lines == [
                "the constraint public.t a is missing", "the constraint public.t c is unknown to the dump",
            ])
        // Another major may have more of them.
        var other = Differences(from: "the dump")
        other.compareInlineConstraints(["public.t b"], ["public.t b", "public.t c"], ignoringMore: true)
        #expect(other.summary == nil)
    }

    @Test(arguments: ["LATIN1", "SQL_ASCII", "EUC_JP"])
    func `a name in another encoding keeps its bytes`(encoding: String) {
        let name: [UInt8] = [0x4b, 0xe4, 0x73, 0xff, 0x80]
        var script = Array("SET client_encoding = '\(encoding)';\nCOPY public.\"".utf8) + name
        script += Array("\" (id) FROM stdin;\n1\n\\.\n".utf8)
        let tables = facts("", script).rows
        #expect(tables.values.sorted() == [1])
        let found = tables.keys.first ?? ""
        #expect(ByteText.encode(found, isUTF8: false) == Array("public.\"".utf8) + name + Array("\"".utf8))
        #expect(found == "public.\"Käs\u{ff}\u{80}\"")
    }

    @Test func `text in UTF-8 is what it is`() {
        #expect(ByteText.isUTF8(nil) && ByteText.isUTF8("UTF8") && !ByteText.isUTF8("LATIN1"))
        let text = "Käse ☃"
        #expect(ByteText.decode(text.utf8, isUTF8: true) == text)
        #expect(ByteText.encode(text, isUTF8: true) == Array(text.utf8))
        #expect(ByteText.decode([0xe4], isUTF8: false) == "ä")
    }
}

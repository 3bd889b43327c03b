import BackupCore
import BackupRuntime
import Foundation
import TestSupport
import Testing

@Suite struct ArchiveScannerTests {
    private func scan(_ script: String, pieces: (inout ArchiveScanner, [UInt8]) -> Void) -> ArchiveScanner {
        var scanner = ArchiveScanner(hash: .xxh3)
        pieces(&scanner, Array(script.utf8))
        return scanner
    }

    private func whole(_ script: String) -> ArchiveScanner {
        scan(script) { scanner, bytes in bytes.withUnsafeBytes { scanner.scan($0) } }
    }

    private static let script = """
        --
        -- It's a comment; with "quotes" $$ and COPY public.fake (a) FROM stdin;
        --
        \\restrict abc'def
        SET standard_conforming_strings = on;
        CREATE FUNCTION public.f() RETURNS text LANGUAGE plpgsql AS $_x$
        begin return 'COPY public.fake (a) FROM stdin;'; -- $_y$
        end $_x$;
        CREATE TABLE public.t (v text DEFAULT 'it''s; COPY public.fake (a) FROM stdin;', "w;" text DEFAULT E'a\\'b; \\\\');
        COMMENT ON TABLE public.t IS 'COPY public.fake (a) FROM stdin;
        \\.';
        COPY public.t (v, "w;") FROM stdin;
        one\t\\N
        \\\\.\t\\.x
        COPY public.fake (a) FROM stdin;\t1
        \\.

        COPY public."Odd ""name"" FROM stdin;" ("a b", c) FROM stdin;
        \\.

        COPY public."line
        feed" (v) FROM stdin;
        1
        2
        \\.

        COPY public.none  FROM stdin;


        \\.

        SELECT pg_catalog.lo_create('16400');
        SELECT pg_catalog.lowrite(0, '\\x27273b');
        SELECT pg_catalog.lo_create('16401');
        \\unrestrict abc'def

        """

    private static let expected = [
        "public.t": 3, "public.\"Odd \"\"name\"\" FROM stdin;\"": 0, "public.\"line\nfeed\"": 2, "public.none": 2,
    ]

    @Test func `rows are counted and nothing that only looks like a COPY is`() {
        let scanner = whole(Self.script)
        #expect(scanner.facts.rows == Self.expected)
        #expect(scanner.facts.largeObjects == 2)
        #expect(scanner.isComplete && scanner.totalRows == 7)
        #expect(scanner.bytes == Int64(Self.script.utf8.count))
    }

    @Test func `it does not matter where the buffers are cut`() {
        var random = SplitMix64(seed: 3)
        for size in 1...64 {
            let scanner = scan(Self.script) { scanner, bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = size <= 32 ? size : Int.random(in: 1...size, using: &random)
                    rest.prefix(count).withUnsafeBytes { scanner.scan($0) }
                    rest = rest.dropFirst(count)
                }
            }
            #expect(
                scanner.facts.rows == Self.expected && scanner.facts.largeObjects == 2 && scanner.isComplete,
                "pieces of \(size)")
        }
    }

    @Test(
        arguments: [
            ("COPY public.t (v) FROM stdin;\n1\n2\n", "public.t"), ("COPY public.t (v) FROM stdin;\n1\n\\", "public.t"),
            ("COMMENT ON TABLE t IS 'unfinished", nil), ("CREATE FUNCTION f() AS $$ begin", nil),
        ] as [(String, String?)])
    func `a script that ends inside something is not complete`(script: String, table: String?) {
        #expect(!whole(script).isComplete)
        #expect(whole(script).openTable == table)
    }

    @Test func `a line that begins like the end mark is data`() {
        let scanner = whole("COPY t (v) FROM stdin;\n\\.x\n\\..\n.\n\\\n\\.\n")
        #expect(scanner.facts.rows == ["t": 4] && scanner.isComplete)
    }

    @Test(
        arguments: [
            ("Name: t; Type: TABLE; Schema: public; Owner: postgres", "TABLE", "public t postgres"),
            ("Name: t; Type: TABLE; Schema: public; Owner: postgres; Tablespace: fast", "TABLE", "public t postgres"),
            ("Name: Tab \"le; Type: TABLE; Schema: Odd ; schema; Owner: o; b", "TABLE", "Odd ; schema Tab \"le o; b"),
            ("Name: a; Type: VIEW; b; Type: TABLE; Schema: s; Owner: o", "TABLE", "s a; Type: VIEW; b o"),
            ("Data for Name: t; Type: TABLE DATA; Schema: x; y; Owner: o", "TABLE DATA", "x; y t o"),
            ("Name: plpgsql; Type: EXTENSION; Schema: -; Owner: -", "EXTENSION", "- plpgsql -"),
            (
                "Name: app; Type: DATABASE PROPERTIES; Schema: -; Owner: postgres", "DATABASE PROPERTIES",
                "- app postgres"
            ),
        ])
    func `an entry's names are whole, whatever looks like the next part in them`(
        heading: String, type: String, entry: String
    ) {
        #expect(whole("--\n-- \(heading)\n--\n\n").facts.contents == [type: [entry]])
    }

    // MARK: fingerprints

    /// By the definition, with none of the scanner: lines hashed one by one and summed.
    private func fingerprint(_ lines: [String]) -> Fingerprint {
        RowHash.xxh3.fingerprint(of: lines)
    }

    /// The three short vectors are those of the xxHash repository's own sanity checks: nothing, and a known text.
    @Test func `the hash is XXH3-128 and its text the usual one`() {
        #expect("\(fingerprint([""]))" == "99aa06d3014798d86001c324468d497f")
        #expect("\(fingerprint([]))" == String(repeating: "0", count: 32))
        #expect(Fingerprint("99aa06d3014798d86001c324468d497f") == fingerprint([""]))
        for bad in ["", "99aa", "99AA06D3014798D86001C324468D497F", "+9aa06d3014798d86001c324468d497f"] {
            #expect(Fingerprint(bad) == nil)
        }
    }

    @Test func `a table's fingerprint is the sum over its lines, wherever buffers are cut`() throws {
        var random = SplitMix64(seed: 11)
        for round in 0..<40 {
            let lines = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                String(repeating: "x\\t", count: Int.random(in: 0...200, using: &random)) + "\(random.next() % 9)"
            }
            let script = "COPY public.t (v) FROM stdin;\n" + lines.map { $0 + "\n" }.joined() + "\\.\n"
            let scanner = scan(script) { scanner, bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    rest.prefix(Int.random(in: 1...500, using: &random)).withUnsafeBytes {
                        scanner.scan($0)
                        rest = rest.dropFirst($0.count)
                    }
                }
            }
            let table = try #require(scanner.facts.tables["public.t"])
            #expect(table.rows == lines.count && table.fingerprint == fingerprint(lines.shuffled()), "round \(round)")
            #expect(table.columns == "(v)")
        }
    }

    @Test func `equal rows do not cancel, and any change of a row shows`() {
        let one = fingerprint(["a", "b"])
        for other in [["a"], ["a", "b", "b"], ["a", "b", "b", "b"], ["a", "a"], ["a", "c"], ["ab"], ["", "ab"]] {
            #expect(fingerprint(other) != one)
        }
        #expect(fingerprint(["b", "a"]) == one)
    }

    @Test func `sequences, entries, grants, unchecked constraints and large objects are taken in`() {
        let scanner = whole(
            """
            SET client_encoding = 'LATIN1';
            --
            -- Name: t; Type: TABLE; Schema: public; Owner: app; Tablespace: fast
            --
            CREATE TABLE public.t (id integer);
            --
            -- Name: odd; Type: TABLE; x; Type: ACL; Schema: -; Owner: Own er
            --
            GRANT SELECT ON TABLE public.t TO reader;
            REVOKE ALL ON LARGE OBJECT 16400 FROM app;
            ALTER TABLE ONLY public."t 2"
                ADD CONSTRAINT "c 1" CHECK ((id > 0)) NOT VALID;
            ALTER TABLE ONLY public.t
                ADD CONSTRAINT c2 CHECK ((v <> 'NOT VALID'::text));
            SELECT pg_catalog.setval('public."it''s_seq"', -5, false);
            -- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app
            COPY public.t (id) FROM stdin;
            \\.
            SELECT pg_catalog.lo_open('16400', 131072);
            SELECT pg_catalog.lowrite(0, '\\x6162');
            SELECT pg_catalog.lowrite(0, '\\x63');
            SELECT pg_catalog.lo_close(0);

            """)
        let facts = scanner.facts
        #expect(facts.clientEncoding == "LATIN1")
        #expect(
            facts.contents == [
                "TABLE": ["public t app"], "ACL": ["- odd; Type: TABLE; x Own er"], "TABLE DATA": ["public t app"],
            ])
        #expect(facts.grants == ["GRANT SELECT ON TABLE public.t TO reader;"])
        #expect(facts.unvalidated == ["public.\"t 2\" \"c 1\""])
        #expect(facts.sequences == ["public.\"it's_seq\"": .init(lastValue: -5, isCalled: false)])
        #expect(facts.largeObjectData == fingerprint(["16400\t616263"]))
    }
}

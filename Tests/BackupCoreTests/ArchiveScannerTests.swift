import BackupCore
import Foundation
import TestSupport
import Testing

@Suite struct ArchiveScannerTests {
    private func scan(_ script: String, pieces: (inout ArchiveScanner, [UInt8]) -> Void) -> ArchiveScanner {
        var scanner = ArchiveScanner()
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
        #expect(scanner.rows == Self.expected)
        #expect(scanner.largeObjects == 2)
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
                scanner.rows == Self.expected && scanner.largeObjects == 2 && scanner.isComplete, "pieces of \(size)")
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
        #expect(scanner.rows == ["t": 4] && scanner.isComplete)
    }
}

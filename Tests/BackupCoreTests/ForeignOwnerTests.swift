import BackupCore
import Testing

/// Rights on what an archive does not make, whose owner no restore chooses. Against a server they are in ExtensionOwnerTests.
@Suite struct ForeignOwnerTests {
    private func facts(owner: String, _ statements: String...) -> ArchiveFacts {
        let heading = "--\n-- Name: FUNCTION f(integer); Type: ACL; Schema: extensions; Owner: \(owner)\n--\n\n"
        var scanner = ArchiveScanner(hash: .xxh3)
        let script = heading + statements.map { "\($0);\n" }.joined()
        var bytes = Array(script.utf8)
        bytes.withUnsafeMutableBytes { scanner.scan(UnsafeRawBufferPointer($0)) }
        return scanner.facts
    }

    private func differences(_ expected: ArchiveFacts, _ found: ArchiveFacts) -> [String] {
        var differences = Differences(from: "the dump")
        differences.compareEntries(expected.contents, found.contents)
        differences.compareGrants(expected, found)
        return differences.lines
    }

    private let f = "FUNCTION extensions.f(integer)"

    @Test func `what the old and the new owner may do goes with them, and what others may counts`() {
        let old = facts(
            owner: "app", "REVOKE ALL ON \(f) FROM app", "GRANT ALL ON \(f) TO app WITH GRANT OPTION",
            "GRANT ALL ON \(f) TO boss", "GRANT ALL ON \(f) TO reader", "GRANT ALL ON \(f) TO PUBLIC")
        let new = facts(
            owner: "boss", "GRANT ALL ON \(f) TO app WITH GRANT OPTION", "GRANT ALL ON \(f) TO reader",
            "GRANT ALL ON \(f) TO PUBLIC")
        #expect(differences(old, new) == [])
        #expect(differences(new, old) == [])
        #expect(
            differences(old, facts(owner: "boss", "GRANT ALL ON \(f) TO app WITH GRANT OPTION")) == [
                "this is not in force: GRANT ALL ON \(f) TO PUBLIC;",
                "this is not in force: GRANT ALL ON \(f) TO reader;",
            ])
        #expect(
            differences(
                new,
                facts(
                    owner: "app", "GRANT ALL ON \(f) TO reader", "GRANT ALL ON \(f) TO PUBLIC",
                    "GRANT ALL ON \(f) TO spy"))
                == ["this is in force and unknown to the dump: GRANT ALL ON \(f) TO spy;"])
    }

    @Test func `where the owner is the same, its own rights count`() {
        let old = facts(owner: "app", "REVOKE ALL ON \(f) FROM app", "GRANT ALL ON \(f) TO reader")
        let new = facts(owner: "app", "GRANT ALL ON \(f) TO reader")
        #expect(differences(old, new) == ["this is not in force: REVOKE ALL ON \(f) FROM app;"])
    }

    @Test func `an object that the archive makes has its owner in an entry of its own`() {
        func differences(_ type: String) -> [String] {
            var differences = Differences(from: "the dump")
            differences.compareEntries([type: ["public TABLE t app"]], [type: ["public TABLE t boss"]])
            return differences.lines
        }
        for type in ["ACL", "COMMENT", "SECURITY LABEL"] { #expect(differences(type) == []) }
        #expect(differences("TABLE") == ["TABLE public TABLE t belongs to boss where the dump says app"])
        var missing = Differences(from: "the dump")
        missing.compareEntries(["ACL": ["public TABLE t app"]], ["ACL": ["public TABLE u app"]])
        #expect(missing.lines == ["ACL public TABLE t is missing", "ACL public TABLE u is unknown to the dump"])
    }
}

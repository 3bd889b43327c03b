import BackupCore
import Testing

@Suite struct TableNameTests {
    @Test(
        arguments: [
            ("archon_settings", nil, "archon_settings"), ("Archon_Settings", nil, "archon_settings"),
            ("public.t", "public", "t"), ("\"Odd.schema\".\"a \"\"b\"\"\"", "Odd.schema", "a \"b\""),
            ("App.\"T\"", "app", "T"),
        ] as [(String, String?, String)])
    func `a name is read as SQL reads it`(text: String, schema: String?, name: String) {
        #expect(TableName(text) == TableName(schema: schema, name: name))
    }

    @Test(arguments: ["", ".", "a.", ".a", "a.b.c", "\"a", "a\"b", "\"\""])
    func `what is no name is none`(text: String) { #expect(TableName(text) == nil) }

    @Test func `an entry of the list is matched by schema and name, whatever its owner`() throws {
        let table = try #require(TableName("public.orders"))
        #expect(table.matches(entry: "public orders app owner"))
        #expect(!table.matches(entry: "public orders_old app") && !table.matches(entry: "other orders app"))
        let bare = try #require(TableName("orders"))
        #expect(bare.matches(entry: "other orders app") && !bare.matches(entry: "orders items app"))
        #expect(TableName(schema: "s", name: "line\nfeed").matches(entry: "s line feed app"))
    }
}

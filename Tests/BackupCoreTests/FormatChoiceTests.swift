import BackupCore
import Testing

@Suite struct FormatChoiceTests {
    private static let large = FormatChoice.directoryBytes

    private func last(_ format: Job.Format, _ script: Int64?, archive: Int64 = 1) -> FormatChoice.Last {
        .init(format: format, scriptBytes: script, bytes: archive)
    }

    @Test func `a format that is named is taken, whatever the size`() {
        let small = last(.directory, 1)
        #expect(FormatChoice.custom.format(last: nil, databaseBytes: 1 << 40, isInContainer: false) == .custom)
        #expect(FormatChoice.directory.format(last: small, databaseBytes: 1, isInContainer: true) == .directory)
    }

    @Test func `auto goes by the last dump, uncompressed, and by the database where there is none`() {
        func auto(_ last: FormatChoice.Last?, _ database: Int64? = nil) -> Job.Format {
            FormatChoice.auto.format(last: last, databaseBytes: database, isInContainer: false)
        }
        #expect(auto(nil, Self.large) == .directory && auto(nil, Self.large - 1) == .custom && auto(nil) == .custom)
        #expect(auto(last(.custom, Self.large), 1) == .directory)
        #expect(auto(last(.custom, Self.large - 1, archive: Self.large), Self.large) == .custom)
        // Of a manifest of an older version the archive's size is all there is.
        #expect(auto(last(.custom, nil, archive: Self.large)) == .directory)
        // On the border it stays as it was.
        #expect(auto(last(.directory, Self.large / 2)) == .directory)
        #expect(auto(last(.directory, Self.large / 2 - 1)) == .custom)
    }

    @Test func `auto keeps to one file in a container`() {
        #expect(FormatChoice.auto.format(last: nil, databaseBytes: 1 << 40, isInContainer: true) == .custom)
    }

    @Test(
        arguments: [
            (nil, 8, 1, 100, 8), (nil, 8, 3, 100, 2), (nil, 8, 1, 3, 3), (nil, 2, 4, 9, 1), (nil, 4, 1, 0, 1),
            (nil, 999, 1, 999, 64), (5, 2, 4, 0, 5),
        ] as [(Int?, Int, Int, Int, Int)])
    func `jobs are asked for, or fit cores, concurrency and large tables`(
        asked: Int?, cores: Int, concurrency: Int, tables: Int, expected: Int
    ) {
        #expect(
            DumpWorkers.count(asked, cores: cores, concurrency: concurrency, largeTables: tables) == expected)
    }
}

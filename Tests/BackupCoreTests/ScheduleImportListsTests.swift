import BackupCore
import TestSupport
import Testing

/// Lists of old scripts: what bash makes of slices and braces, and of each element.
@Suite struct ScheduleImportListsTests {
    @Test(arguments: [
        "\"${D[@]:1}\"", "${D[@]:1}", "\"${D[@]:0:2}\"", "\"${D[@]:(-2)}\"", "\"${D[@]: -1}\"", "\"${D[@]:$N:1}\"",
        "\"${D[@]/_db/}\"", "\"${D[@]%_db}\"", "\"${D[@]#n8}\"", "\"${D[@]^^}\"", "\"${D[@]:-none}\"",
        "\"${E[@]:-none}\"", "${E[@]+\"${E[@]}\"}", "${D[@]+\"${D[@]}\"}", "\"${@:2}\"", "\"${@:1:2}\"", "\"${@: -1}\"",
        "\"${@%_db}\"", "${*:2}", "{a,b}_db", "x{1..3}", "{08..20..4}", "{3..1}", "{a..c}", "a{,_db}", "{a,b{1,2}}",
        "{one}", "{,}x", "\"{a,b}\"", "x{1..$N}y{a,b}", "{00..02}{a,b}",
    ])
    func `lists are those of bash, each element by itself`(list: String) async throws {
        let begin =
            "#!/bin/bash\nD=(postgres archon_db n8n_db)\nE=()\nN=1\nset -- one two_db three\nfor db in \(list); do "
        let said = try await run("bash", ["-c", begin + "echo \"=$db\"; done"]).lines
        // A name with a brace in it is no database that is written.
        let expected = Set(said.map { String($0.dropFirst()) }.filter { !$0.isEmpty && !$0.contains("{") })
        let found = try ScheduleImportTests.read(begin + "pg_dump \"$db\"; done\npg_dump other")
        let written = try ScheduleImportTests.decode(found).jobs.map(\.database)
        #expect(Set(written) == expected.union(["other"]), "\(list): \(ScheduleImportTests.told(found))")
    }

    @Test(arguments: ["\"${D[@]@Q}\"", "\"${K[@]:1}\"", "\"${D[@]:x:y:z}\"", "\"${@:0}\"", "\"${NONE[@]:1}\""])
    func `a list that is not followed is told, and no name is made of it`(list: String) throws {
        let found = try ScheduleImportTests.read(
            """
            #!/bin/bash
            D=(postgres archon_db)
            declare -A K=([a]=b [c]=d)
            for db in \(list); do pg_dump "$db"; done
            pg_dump other
            """)
        #expect(try ScheduleImportTests.jobs(found) == ["other | *-*-* *:00:00"], "\(found.schedule)")
        #expect(
            ScheduleImportTests.told(found).contains("4: a pg_dump whose database is not known here: left"),
            "\(ScheduleImportTests.told(found))")
    }

    @Test(arguments: [
        ("for h in {08..20..4}; do [ $H = $h ] && pg_dump app; done", "08,12,16,20"),
        ("for h in {0..23..6}; do (( 10#$H == h )) && pg_dump app; done", "00/6"),
        ("[[ \" 02 14 \" =~ \" $H \" ]] && pg_dump app", "02,14"),
        ("[[ \"02 14\" == *\"$H\"* ]] && pg_dump app", "02,14"),
        ("let \"M = 10#$H % 6\"; [ $M = 0 ] && pg_dump app", "00/6"),
    ])
    func `hours of braces, lists and let hang on the clock, and no note says otherwise`(text: String, hours: String)
        throws
    {
        let found = try ScheduleImportTests.read("#!/bin/bash\nH=$(date +%H)\n\(text)\n")
        #expect(try ScheduleImportTests.jobs(found) == ["app | *-*-* \(hours):00:00"], "\(found.schedule)")
        let untrue = ["nothing in it hangs", "never reached", "that is not followed"]
        #expect(
            !found.notes.contains { note in untrue.contains { note.text.contains($0) } },
            "\(ScheduleImportTests.told(found))")
    }
}

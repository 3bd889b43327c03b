import BackupCore
import TestSupport
import Testing

/// Hours, days and zones of old scripts and crontabs, as they are written.
@Suite struct ScheduleImportTimesTests {
    @Test(arguments: [
        // Patterns, and the hours that are written.
        ("[[ \" 0 6 12 18 \" == *\" $HOUR \"* ]]", "00/6", "at 12 and 18"),
        ("[[ \"$HOUR\" =~ ^(0|6|12|18)$ ]]", "00/6", "at 12 and 18"),
        ("[[ \"0,8\" =~ (^|,)\"$HOUR\"(,|$) ]]", "00,08", "never"), ("[[ ,8,20, == *,$HOUR,* ]]", "08,20", "at 20"),
        ("[ \"$HOUR\" = \"8\" ]", "08", "never"), ("(( HOUR == 8 ))", "08", "never"),
        ("[[ $HOUR -eq 9 ]]", "09", "never"),
        ("[ $HOUR -eq 8 ]", "08", ""), ("[[ $HOUR == 0[68] ]]", "06,08", ""), ("(( 10#$HOUR % 8 == 0 ))", "00/8", ""),
        ("[ $((10#$(date +%H))) = 6 ]", "06", ""), ("[ \"$(date +%-H)\" = 6 ]", "06", ""),
        ("[ ${HOUR#0} -lt 2 ]", "00,01", ""),
        ("grep -q x /y || [ \"$HOUR\" = 06 ]", "*", ""),
        // What is not known is taken as met, and the hour behind it still counts.
        ("docker ps | grep -q db && [ \"$HOUR\" = 02 ]", "02", ""), ("pg_isready -q && [ $HOUR = 02 ]", "02", ""),
        ("[ -f /x ] && [ $HOUR = 02 ] && [ -d /y ]", "02", ""), ("! pg_isready -q || [ $HOUR = 02 ]", "*", ""),
        ("[ $(( 10#$(date +%V) % 2 )) = 0 ] && [ $HOUR = 02 ]", "02", ""),
        ("[ $(date +%j) != 1 ] && [ $HOUR = 02 ]", "02", ""), ("[ $(date +%m) -gt 3 ] && [ $HOUR = 02 ]", "02", ""),
        ("{ pg_isready -q && [ $HOUR = 03 ]; } || [ $HOUR = 02 ]", "02,03", ""),
        ("pg_isready -q && [ $HOUR = 6 ]", "06", "never"),
    ])
    func `hours that the shell compares as texts are those that were meant`(test: String, hours: String, did: String)
        throws
    {
        let found = try ScheduleImportTests.read(
            "#!/bin/bash\nHOUR=$(date +%H)\nif \(test); then pg_dump app; fi\npg_dump other\n")
        #expect(
            try ScheduleImportTests.jobs(found).first == "app | *-*-* \(hours):00:00",
            "\(ScheduleImportTests.told(found))")
        let changed = found.notes.filter { $0.text.contains("was backed up") }.map(\.text)
        #expect(
            did.isEmpty ? changed.isEmpty : changed.contains { $0.hasPrefix("app was backed up \(did); meant") },
            "\(changed)")
    }

    @Test(arguments: [
        ("[ $(date +%u) = 7 ] && [ $(date +%d) -le 7 ] && pg_dump app", ["app | Sun *-*-01,02,03,04,05,06,07 *:00:00"]),
        (
            "{ [ $(date +%d) = 01 ] || [ $(date +%a) = Sun ]; } && pg_dump app",
            ["app | Mon..Sat *-*-01 *:00:00", "app | Sun *-*-* *:00:00"]
        ),
        ("[ $(date +%d) = 1 ] && pg_dump app", ["app | *-*-01 *:00:00"]),
        ("pg_dump app > /b/app_$(date +%d).dump", ["app | *-*-* *:00:00"]),
    ])
    func `days of the month are followed where something hangs on them`(text: String, jobs: [String]) throws {
        #expect(try ScheduleImportTests.jobs(try ScheduleImportTests.read("#!/bin/bash\n\(text)\n")) == jobs)
    }

    @Test func `a script of a hundred databases that asks for the day of the month is followed`() throws {
        var script = "#!/bin/bash\nDAY=$(date +%d)\nHOUR=$(date +%H)\n"
        for number in 1...100 {
            script += "if [ $HOUR = 02 ] && [ $DAY = 01 ]; then backup_database app\(number) 12; fi\n"
        }
        let found = try ScheduleImportTests.read(script)
        #expect(
            try ScheduleImportTests.jobs(found).count == 100
                && ScheduleImportTests.jobs(found)[0] == "app1 | *-*-01 02:00:00 | last 12")
    }

    @Test(arguments: [
        ("HOUR=$(date -u +%H)\n[ $HOUR = 02 ] && pg_dump app", "UTC", ""),
        ("pg_dump app > /b/$(date -u +%H).dump", "Europe/Sofia", ""),
        ("export TZ=Europe/Paris\n[ $(date +%H) = 02 ] && pg_dump app", "Europe/Paris", ""),
        ("[ $(TZ=Asia/Tokyo date +%H) = 02 ] && pg_dump app", "Asia/Tokyo", ""),
        (
            "[ $(date -u +%H) = 02 ] && pg_dump app\n[ $(date +%H) = 03 ] && pg_dump b", "UTC",
            "clocks of more than one zone"
        ),
        ("TZ=Mars/Base\n[ $(date +%H) = 02 ] && pg_dump app", "UTC", "Mars/Base"),
    ])
    func `the zone is that of the clock that decides`(text: String, zone: String, note: String) throws {
        // A zone of the crontab's host is given where the script has none that counts.
        let given: String? = zone == "Europe/Sofia" ? zone : nil
        let found = try ScheduleImportTests.read("#!/bin/bash\n\(text)\n", zone: given)
        #expect(try ScheduleImportTests.decode(found).jobs.first?.zone.name == zone, "\(found.schedule)")
        #expect(note.isEmpty || found.notes.contains { $0.text.contains(note) }, "\(ScheduleImportTests.told(found))")
    }

    @Test(arguments: [
        (
            "0 2 * * * [ \"$(date +\\%u)\" = 7 ] && pg_dump app", "app | Sun *-*-* 02:00:00",
            "dumped at 02 on Sunday only"
        ),
        (
            "0 2 * * * pg_isready -q && [ $(date +\\%u) = 7 ] && pg_dump app", "app | Sun *-*-* 02:00:00",
            "dumped at 02 on Sunday only"
        ),
        (
            "0 2 31 2 * pg_dump late\n0 2 * * * pg_dump app", "app | 0 2 * * *",
            "0 2 31 2 * names no day that ever comes"
        ),
        ("30 * * * * [ $(date +\\%H) = 6 ] && pg_dump app", "app | *-*-* 06:30:00", "was backed up never; meant"),
        (
            "0 3 * * 0 [ $(date +\\%d) -le 07 ] && pg_dump app", "app | Sun *-*-01,02,03,04,05,06,07 03:00:00",
            "on Sunday only"
        ),
        (
            "*/15 * * * * [ $(date +\\%H) = 06 ] && pg_dump app; find /b -mtime +3 -delete", "app | */15 * * * *",
            "all is kept"
        ),
        ("0 2 1 * * [ $(date +\\%u) = 7 ] || pg_dump app", "app | 0 2 1 * *", "all is kept"),
        ("0 2 * * * [ -f /x ] && pg_dump app", "app | 0 2 * * *", ""),
        ("0 2 * * 1-5 pg_dump app > /b/app-$(date +\\%H).dump", "app | 0 2 * * 1-5", ""),
        ("0 2 * * * pg_dump app > /b/a; find /b -name '*.log' -mtime +1 -delete", "app | 0 2 * * *", "all are kept"),
        ("0 2 * * * pg_dump app > /b/a.dump; ls -t /b/*.dump | tail -n +8 | xargs rm", "app | 0 2 * * * | last 7", ""),
    ])
    func `a line of a crontab that asks date has those of its times at which it dumps`(
        text: String, job: String, note: String
    ) throws {
        let found = try ScheduleImportTests.read("\(text)\n")
        #expect(try ScheduleImportTests.jobs(found) == [job], "\(found.schedule)")
        #expect(note.isEmpty || found.notes.contains { $0.text.contains(note) }, "\(ScheduleImportTests.told(found))")
    }
}

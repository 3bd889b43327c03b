import Foundation

/// What is due when, kept from one look to the next: a look costs time in proportion to what is due and to what has happened,
/// not to the jobs that there are. Each job's intention is worked out again when something is noted of it, and at the instant
/// from which on it may be another; after a step of the clock all are. Between two looks it is a value like any other.
///
/// What a look says to begin counts as begun: note what became of it.
package struct Agenda: Sendable {
    /// What a look has found. See `Plan`, which has the same of all jobs.
    package struct Due: Sendable, Equatable {
        package var starts: [Plan.Start] = []
        package var drills: [Plan.Drill] = []
        package var skips: [Plan.Skip] = []
        package var reanchored: [String] = []
        /// The next instant at which the agenda can change by itself; nil when no job has a slot to come.
        package var wake: Date?
    }

    struct Entry {
        var facts: JobFacts
        var intention = Intention.none
        var drill: Plan.Upcoming?
        /// Its place in the trees, where the jobs of a server stand beside each other.
        var place: Int
        var server: Int
        /// Its place among the candidates.
        var candidate: Int?
        /// It is worked out at the next look, whatever the time.
        var isNoted = false
    }

    package let schedule: Schedule
    /// Since when slots have been watched without a break.
    package private(set) var watchingSince: Date
    /// No drill begins before this instant: another process drills, or works on the job.
    package var drillsNotBefore: Date?

    /// Jobs worked out since it was made: what its looks have cost.
    package private(set) var workedOut = 0
    /// Of the last look.
    var now: Date
    /// In the order of the schedule.
    var entries: [Entry] = []
    var servers: ServerPlaces
    /// The job at each place of the trees.
    private var jobs: [Int]
    /// When a job's intention may become another, if nothing is noted of it.
    private var changes: EarliestTree
    /// Those of which something was.
    private var noted: [Int] = []
    /// When the next run of a job begins that is not due yet.
    var upcoming: EarliestTree
    var candidates: [Candidate] = []
    /// False when there was no place for any of them, and nothing has changed since.
    var mayAdmit = false
    var drills: DrillQueue
    /// Runs in progress on this host, without drills.
    var running = 0
    /// What is known of runs whose jobs a reload has taken away: they still hold their places.
    private var others: [String: JobFacts] = [:]

    /// `facts` may name jobs that the schedule has not, and lack others: those are new.
    package init(
        schedule: Schedule, facts: [String: JobFacts], now instant: Date, watchingSince: Date,
        drillsNotBefore: Date? = nil
    ) {
        self.init(
            schedule: schedule, now: instant, watchingSince: watchingSince, drillsNotBefore: drillsNotBefore,
            others: facts.filter { schedule.place(of: $0.key) == nil }
        ) { facts[schedule.jobs[$0].name] ?? JobFacts(firstSeen: instant) }
    }

    /// `facts` are asked for by a job's place in the schedule, `others` are those of jobs that it has not.
    package init(
        schedule: Schedule, now instant: Date, watchingSince: Date, drillsNotBefore: Date? = nil,
        others: [String: JobFacts], facts: (Int) -> JobFacts
    ) {
        self.schedule = schedule
        now = instant
        self.watchingSince = watchingSince
        self.drillsNotBefore = drillsNotBefore
        servers = ServerPlaces(schedule)
        changes = EarliestTree(count: schedule.jobs.count)
        upcoming = EarliestTree(count: schedule.jobs.count)
        drills = DrillQueue(count: schedule.jobs.count)
        jobs = Array(repeating: 0, count: schedule.jobs.count)
        entries.reserveCapacity(schedule.jobs.count)
        for index in schedule.jobs.indices {
            let server = servers.number(of: schedule.jobs[index].server)
            let place = servers.take(placeOn: server)
            jobs[place] = index
            entries.append(Entry(facts: facts(index), place: place, server: server))
            count(entries[index].facts, of: index, by: 1)
            mark(index)
        }
        for (name, facts) in others { note(facts, of: name) }
    }

    /// What is known of a job has changed. How often it was passed over is counted here and is not taken from `facts`.
    package mutating func note(_ facts: JobFacts, of job: String) {
        guard let index = schedule.place(of: job) else {
            if let old = others.removeValue(forKey: job) { countOther(old, job, by: -1) }
            guard facts.isRunning || facts.isDrilling else { return }
            others[job] = facts
            return countOther(facts, job, by: 1)
        }
        count(entries[index].facts, of: index, by: -1)
        let passedOver = entries[index].facts.passedOver
        entries[index].facts = facts
        entries[index].facts.passedOver = passedOver
        count(facts, of: index, by: 1)
        mark(index)
    }

    /// What is known of a job, as the agenda has it.
    package func facts(of job: String) -> JobFacts? {
        guard let index = schedule.place(of: job) else { return others[job] }
        var facts = entries[index].facts
        facts.passedOver = passedOver(index)
        return facts
    }

    /// The clock was stepped: everything is worked out anew, and slots before `watchingSince` were not watched.
    package mutating func restart(watchingSince: Date) {
        self.watchingSince = watchingSince
        for index in entries.indices { mark(index) }
    }

    /// What is to be done now. `now` may be before that of the last look: then all is worked out anew.
    package mutating func look(now instant: Date) -> Due {
        if instant < now { restart(watchingSince: watchingSince) }
        now = instant
        servers.countBegun()
        var due = Due()
        let outlook = Outlook(now: now, watchingSince: watchingSince)
        for index in takeChanged() {
            workOut(index, outlook)
            switch entries[index].intention {
            case .reanchor: due.reanchored.append(schedule.jobs[index].name)
            case .skip(let skip): due.skips.append(skip)
            case .none, .begin, .later: break
            }
        }
        drills.settle(names: { schedule.jobs[$0].name })
        let pressing = pressingDrill()
        reserve(pressing)
        admit(into: &due)
        beginDrill(pressing, into: &due)
        due.wake = wake
        return due
    }

    /// The runs that begin next, in order; no more than `most`, which is right for small numbers.
    package func next(most: Int = 64) -> [Plan.Upcoming] {
        guard upcoming.earliest < .infinity else { return [] }
        return upcoming.places(notAfter: upcoming.earliest, most: most).compactMap { upcoming(of: jobs[$0]) }
            .sorted { ($0.start, $0.job) < ($1.start, $1.job) }
    }

    /// The jobs that may ask for something else than at the last look, in the order of the schedule.
    private mutating func takeChanged() -> [Int] {
        var changed: [Int] = []
        swap(&changed, &noted)
        for place in changes.places(notAfter: now.timeIntervalSinceReferenceDate) where !entries[jobs[place]].isNoted {
            changed.append(jobs[place])
        }
        for index in changed { entries[index].isNoted = false }
        if changed.count > 1 { changed.sort() }
        return changed
    }

    private mutating func mark(_ index: Int) {
        guard !entries[index].isNoted else { return }
        entries[index].isNoted = true
        noted.append(index)
    }

    private mutating func workOut(_ index: Int, _ outlook: Outlook) {
        workedOut += 1
        leave(index)
        let place = entries[index].place
        drills.note(entries[index].facts.drillAccount?.ended, of: index, now: now)
        guard schedule.jobs[index].isEnabled else {
            changes[place] = .infinity
            return
        }
        let (intention, drill, asked) = ask(index, outlook)
        var changes = asked
        entries[index].intention = intention
        if case .begin(let start, let urgency) = intention {
            let lock = entries[index].facts.notBefore.flatMap { $0 > now ? $0 : nil }
            if let lock { changes = min(changes, lock) }
            enter(index, start, urgency, isLocked: lock != nil)
        }
        upcoming[place] = upcoming(of: index)?.start.timeIntervalSinceReferenceDate ?? .infinity
        entries[index].drill = drill
        drills.put(drill, of: index, at: place, now: now)
        self.changes[place] = changes.timeIntervalSinceReferenceDate
    }

    private func ask(_ index: Int, _ outlook: Outlook) -> (Intention, drill: Plan.Upcoming?, changes: Date) {
        let isDrilled = schedule.jobs[index].drill.isEnabled
        // A job is large: it is not copied where there is nothing to ask.
        guard isDrilled || !entries[index].facts.isRunning else { return (.none, nil, .distantFuture) }
        let job = schedule.jobs[index]
        let (intention, changes) = outlook.intention(of: job, entries[index].facts)
        let (drill, drillChanges) = outlook.drill(of: job, entries[index].facts)
        return (intention, drill, min(changes, drillChanges))
    }

    /// The run of a job that is not due, or may not begin yet for somebody works on it.
    func upcoming(of index: Int) -> Plan.Upcoming? {
        switch entries[index].intention {
        case .later(let upcoming): return upcoming
        case .begin(let start, _):
            guard let candidate = entries[index].candidate, candidates[candidate].isLocked,
                let notBefore = entries[index].facts.notBefore
            else { return nil }
            return Plan.Upcoming(job: start.job, slot: start.slot, start: notBefore, attempt: start.attempt)
        case .none, .reanchor, .skip: return nil
        }
    }

    private var wake: Date? {
        let earliest = min(upcoming.earliest, drills.wake(now: now, notBefore: drillsNotBefore))
        return earliest < .infinity ? Date(timeIntervalSinceReferenceDate: earliest) : nil
    }

    /// Something has become of a job by a look: it is worked out at the next one.
    mutating func noteBegun(_ index: Int, _ change: (inout JobFacts) -> Void) {
        count(entries[index].facts, of: index, by: -1)
        change(&entries[index].facts)
        count(entries[index].facts, of: index, by: 1)
        mark(index)
    }

    // MARK: places

    private mutating func count(_ facts: JobFacts, of index: Int, by number: Int) {
        if facts.isDrilling {
            drills.inProgress[schedule.jobs[index].name] = number > 0 ? facts.drillingOn : nil
        } else if facts.isRunning {
            running += number
            servers.all[entries[index].server].running += number
            mayAdmit = mayAdmit || number < 0
        }
    }

    private mutating func countOther(_ facts: JobFacts, _ job: String, by number: Int) {
        if facts.isDrilling {
            drills.inProgress[job] = number > 0 ? facts.drillingOn : nil
        } else {
            running += number
            mayAdmit = mayAdmit || number < 0
        }
    }
}

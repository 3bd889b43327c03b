import BackupCore
import Foundation

/// What the scheduler knows of its jobs: told once by the ledger, and then what changes. See `Agenda`.
extension Scheduler {
    /// Takes another schedule: everything is asked for and worked out anew.
    func take(_ schedule: Schedule) {
        self.schedule = schedule
        renewStandings()
        revision = nil
        turns += 1
        objectives.keep(schedule)
    }

    /// Tells the agenda what is new, and asks it what is due. Takes the states out of `news`: those of all jobs, as after a start,
    /// are not held twice.
    func look(_ news: inout Ledger.News, now: Date) -> Agenda.Due {
        let isNew = revision == nil || agenda == nil
        revision = news.revision
        var changed = stale.union(news.unwritten.jobs)
        stale = []
        for (job, state) in news.states {
            guard let place = schedule.place(of: job) else { continue }
            standings.note(state, of: place)
            if !isNew { changed.insert(job) }
        }
        news.states = []
        for job in news.unwritten.jobs {
            guard let place = schedule.place(of: job) else { continue }
            var state = standings.states[place] ?? JobState(firstSeen: now)
            news.unwritten.add(to: &state, of: job)
            standings.note(state, of: place)
        }
        var agenda = (isNew ? nil : self.agenda) ?? newAgenda(now: now)
        // Its storage has one owner while it changes.
        self.agenda = nil
        if !isNew { for job in changed { agenda.note(facts(of: job, now: now), of: job) } }
        agenda.drillsNotBefore = drillNotBefore
        let due = agenda.look(now: now)
        self.agenda = agenda
        return due
    }

    /// What cannot be read now stays as it was.
    private func renewStandings() {
        let old = standings
        standings = Standings(schedule)
        for (place, job) in old.schedule.jobs.enumerated() {
            if let state = old.states[place], let new = schedule.place(of: job.name) { standings.note(state, of: new) }
        }
    }

    /// How often jobs were passed over outlasts a reload.
    private func newAgenda(now: Date) -> Agenda {
        var others: [String: JobFacts] = [:]
        for name in running.keys + (drilling.map { [$0.request.job.name] } ?? [])
        where schedule.place(of: name) == nil {
            others[name] = facts(of: name, now: now)
        }
        return Agenda(schedule: schedule, now: now, watchingSince: watchingSince, others: others) { place in
            let name = schedule.jobs[place].name
            var facts = facts(of: name, now: now)
            facts.passedOver = agenda?.facts(of: name)?.passedOver ?? 0
            return facts
        }
    }

    func state(of job: String) -> JobState? { schedule.place(of: job).flatMap { standings.states[$0] } }

    /// A run of a job that a reload has taken away still holds its place, and a drill goes on where it began: each holds its job's
    /// lock.
    private func facts(of job: String, now: Date) -> JobFacts {
        var facts = state(of: job).map(JobFacts.init) ?? JobFacts(firstSeen: now)
        facts.isRunning = running[job] != nil
        facts.notBefore = notBefore[job]
        if let drilled = drilling?.request.job, drilled.name == job {
            facts.isRunning = true
            facts.drillingOn = drilled.drillServers
        }
        return facts
    }

    /// Tells what has become of objectives. Returns when a job may stand otherwise if nothing happens.
    func watchObjectives(now: Date) -> Date? {
        standings.look(now: now) { measure, job in
            for event in objectives.note(measure, of: job) { report(event) }
        }
    }

    func statusText(now: Date) -> String {
        let runs = running.values.map { (job: $0.request.job.name, bytes: $0.progress.with { $0?.bytes ?? 0 }) }
        let text = standings.statusLine(
            next: agenda?.next().first, running: runs, drilling: drilling?.request.job.name, now: now)
        return notice.map { "\($0), \(text)" } ?? text
    }
}

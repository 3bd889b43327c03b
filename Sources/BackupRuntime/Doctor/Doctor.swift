import BackupCore

/// Looks at the platform around the databases, check by check. Changes nothing.
package struct Doctor: Sendable {
    private let schedule: Schedule
    private let path: String
    private let oldJob: [CheckResult]?
    private let search: OldJobSearch

    /// `path` is the schedule's. `oldJob` is what was found before root became another user; nil looks now, by `search`.
    package init(_ schedule: Schedule, path: String, oldJob: [CheckResult]?, search: OldJobSearch) {
        self.schedule = schedule
        self.path = path
        self.oldJob = oldJob
        self.search = search
    }

    /// In the order of `CheckName`, and in that of the schedule. Each check that is asked for has one result at least.
    package func examine(_ names: Set<CheckName>) async -> [CheckResult] {
        let wanted = CheckName.allCases.filter(names.contains)
        let checks = wanted.map { (name: $0, looks: looks($0)) }
        return await withTaskGroup(of: (Int, [CheckResult]).self) { group in
            var answers: [Int: [CheckResult]] = [:]
            var place = 0
            for (name, looks) in checks {
                if looks.isEmpty { answers[place] = [.skipped(name, name.rawValue, Self.nothing(name))] }
                for look in looks {
                    let own = place
                    group.addTask { (own, await look()) }
                    place += 1
                }
                if looks.isEmpty { place += 1 }
            }
            for await (place, results) in group { answers[place] = results }
            return answers.keys.sorted().flatMap { answers[$0] ?? [] }
        }
    }

    private typealias Look = @Sendable () async -> [CheckResult]

    private func looks(_ name: CheckName) -> [Look] {
        let platform = schedule.platform
        switch name {
        case .nameResolution:
            return platform.hosts.flatMap { host -> [Look] in
                let here: [Look] = host.isNamedHere ? [{ [await NetworkChecks.here(host)] }] : []
                return here
                    + host.containers.map { container -> Look in
                        { [await NetworkChecks.inside(container, host, platform)] }
                    }
            }
        case .endpoints:
            return platform.endpoints.map { endpoint -> Look in { [await NetworkChecks.endpoint(endpoint, platform)] } }
        case .containers: return containers.map { container -> Look in { [await ContainerChecks.health(container)] } }
        case .postgresql: return schedule.servers.map { server -> Look in { [await ServerChecks.reach(server)] } }
        case .extensions: return extensions
        case .postgrest:
            return platform.postgrest.map { service -> Look in { [await ContainerChecks.postgrest(service, platform)] }
            }
        case .disk: return [{ [storage = schedule.storage] in [HostChecks.disk(storage)] }]
        case .clock: return [{ [HostChecks.clock()] }]
        case .credentials: return [{ [schedule, path] in HostChecks.credentials(schedule, path: path) }]
        case .unit: return [{ [await HostChecks.unit()] }]
        case .oldJob: return [{ [oldJob, search] in oldJob ?? search.results() }]
        }
    }

    /// Those that servers run in come first; one that is named twice is asked once.
    private var containers: [Container] {
        let all =
            schedule.servers.compactMap(\.container) + schedule.platform.containers.map(schedule.platform.container)
        return all.enumerated().filter { index, container in
            !all[..<index].contains {
                ($0.engine, $0.socket, $0.name) == (container.engine, container.socket, container.name)
            }
        }.map(\.element)
    }

    private var extensions: [Look] {
        schedule.jobs.compactMap { job -> Look? in
            guard let names = job.expected?.extensions, !names.isEmpty, let server = schedule.server(of: job) else {
                return nil
            }
            return { await ServerChecks.extensions(job, names, server) }
        }
    }

    private static func nothing(_ name: CheckName) -> String {
        switch name {
        case .nameResolution: "\"platform\" in the schedule names no hosts"
        case .endpoints: "\"platform\" in the schedule names no endpoints"
        case .containers: "the schedule names no containers"
        case .postgrest: "\"platform\" in the schedule names no postgrest"
        case .extensions: "no job expects an extension"
        case .postgresql, .disk, .clock, .credentials, .unit, .oldJob: "there is nothing to look at"
        }
    }
}

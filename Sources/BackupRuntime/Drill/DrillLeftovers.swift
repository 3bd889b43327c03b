import BackupCore

/// What drills of a process that was killed have left; only for who holds the drill lock. What cannot be removed is told, and
/// keeps nobody from drilling.
struct DrillLeftovers: Sendable {
    let stateFolder: String
    let report: @Sendable (Event) -> Void

    /// Removes servers that were made for drills, and scratch databases on servers of the schedule.
    func sweep(_ schedule: Schedule) async {
        await sweepServers(schedule)
        let names = Set(
            schedule.jobs.compactMap { job in if case .server(let name) = job.drill.place { name } else { nil } })
        for server in schedule.servers where names.contains(server.name) {
            do {
                let settings = try ConnectionSettings(server)
                let admin = try await AdminSession.open(settings, avoiding: "")
                let databases = try await ScratchDatabase(stateFolder: stateFolder).sweep(admin, settings)
                if !databases.isEmpty { tellSwept(databases.map { "\($0) on \(server.name)" }) }
            } catch {
                tellUnswept("scratch databases on \(server.name)", error)
            }
        }
    }

    /// Removes servers that were made for drills, and works on none of the schedule.
    func sweepServers(_ schedule: Schedule) async {
        do {
            let folders = try await Throwaway.sweep(Throwaway.bases([stateFolder, schedule.storage.root]))
            if !folders.isEmpty { tellSwept(folders) }
        } catch {
            tellUnswept("a server of a drill that was killed", error)
        }
        var swept: [ContainerEngine] = []
        for container in schedule.servers.compactMap(\.container) {
            do {
                let engine = try ContainerEngine.find(container)
                guard !swept.contains(engine) else { continue }
                swept.append(engine)
                let owner = try ScratchDatabase(stateFolder: stateFolder).owner
                let left = try await ContainerThrowaway.sweep(engine, owner: owner)
                if !left.isEmpty { tellSwept(left.map { "the container \($0)" }) }
            } catch {
                tellUnswept("containers of drills", error)
            }
        }
    }

    private func tellSwept(_ what: [String]) {
        let swept = what.joined(separator: ", ")
        report(Event(.partialsSwept, "what a drill had left was removed: \(swept)", ["SWEPT": swept]))
    }

    private func tellUnswept(_ what: String, _ error: any Error) {
        let reason = (error as? Failure)?.description ?? "\(error)"
        report(Event(.warning, "\(what) could not be looked for or removed: \(reason)", ["REASON": reason]))
    }
}

/// How much of its server a restore takes: the workers of pg_restore, and the settings of its sessions.
package struct RestoreResources: Sendable, Equatable {
    /// What is known when a restore begins.
    package struct Facts: Sendable {
        package var machine = ServerMachine()
        /// Of this host: what stands in for those of a server that does not say how many it has.
        package var hostCores: Int
        /// Of other restores on the server that go on at once.
        package var otherWorkers = 0
        /// That the server still takes.
        package var freeConnections: Int?
        /// Of the archive's table of contents.
        package var entries: Int?
        /// And of these the indexes and the constraints that are one.
        package var indexes: Int?
        /// Whether the dump has an extension whose parallel index builds hold all of their memory in /dev/shm.
        package var buildsInSharedMemory = false
        /// The server's settings by name, as they are now: memory in bytes.
        package var settings: [String: Int64] = [:]

        package init(hostCores: Int) { self.hostCores = hostCores }
    }

    package struct Setting: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    package private(set) var workers: Int
    /// For the restore's sessions alone.
    package private(set) var settings: [Setting]

    /// The settings that are asked for in `Facts.settings`: the first two are fitted to the server, the last switched off.
    package static let memory = "maintenance_work_mem"
    package static let parallel = "max_parallel_maintenance_workers"
    package static let buffers = "shared_buffers"
    /// What would cut off or slow down a session that works for long; a role or its database may have them set.
    private static let switchedOff = [
        "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout",
        "transaction_timeout", "vacuum_cost_delay",
    ]
    package static let asked = [memory, parallel, buffers] + switchedOff

    /// Beside each worker a session that compares and one that gathers statistics are there at the end, and a few others.
    private static let sessionsPerWorker = 2
    private static let otherSessions = 6
    /// Of the memory that nobody uses, a quarter: the server goes on serving others.
    private static let share: Int64 = 4

    /// `asked` is what a person has said.
    package init(_ facts: Facts, workers asked: Int?) {
        workers = asked ?? Self.fitting(facts)
        settings = []
        let own = facts.settings[Self.memory] ?? 0
        let sharers = Int64(workers + facts.otherWorkers)
        let memory = max(own, Self.budget(facts) / sharers)
        if memory > own, own > 0 { set(Self.memory, "\(memory >> 10)kB") }
        let isRoomy = facts.machine.sharedMemory.map { $0 / 2 >= memory * sharers } ?? false
        let ownParallel = facts.settings[Self.parallel].map { Int($0) } ?? 0
        // One that finds no room there fails; built by one process it holds its memory by itself.
        let parallel = facts.buildsInSharedMemory && !isRoomy ? 0 : Self.parallel(facts, workers, own: ownParallel)
        if parallel != ownParallel { set(Self.parallel, "\(parallel)") }
        // Nothing is lost by it: see docs/design.md.
        set("synchronous_commit", "off")
        set("default_transaction_read_only", "off")
        for name in Self.switchedOff where facts.settings[name].map({ $0 != 0 }) ?? false { set(name, "0") }
    }

    private mutating func set(_ name: String, _ value: String) { settings.append(Setting(name: name, value: value)) }

    private static func fitting(_ facts: Facts) -> Int {
        var most = [facts.machine.cores ?? facts.hostCores, 64]
        if let free = facts.freeConnections { most.append((free - otherSessions) / sessionsPerWorker) }
        if let entries = facts.entries { most.append(entries) }
        return max(1, most.min() ?? 1)
    }

    /// What the cores have left when each index that is built at once has one: with every core at work already, an index that is
    /// sorted in the memory of one process is built sooner than one that several sort on the disk. With many cores one large
    /// index may be alone at the end all the same.
    private static func parallel(_ facts: Facts, _ workers: Int, own: Int) -> Int {
        guard let cores = facts.machine.cores else { return own }
        let builds = max(1, min(workers + facts.otherWorkers, facts.indexes ?? workers))
        return max(cores / builds - 1, cores >= 4 ? own : 0)
    }

    /// For all workers together. Who knows nothing of the machine takes as much as the server has for its buffers, which by
    /// PostgreSQL's own advice is a quarter of its memory.
    private static func budget(_ facts: Facts) -> Int64 {
        facts.machine.availableMemory.map { $0 / share } ?? facts.settings[buffers] ?? 0
    }

    /// Gives them to the sessions of the user that is connected, in `database` alone: by whatever way they come.
    package func statements(for database: String) -> [String] {
        settings.map {
            "ALTER ROLE SESSION_USER IN DATABASE \(SQL.identifier(database)) SET \($0.name) TO \(SQL.literal($0.value))"
        }
    }

    /// Takes them away again.
    package static func reset(_ database: String) -> String {
        "ALTER ROLE SESSION_USER IN DATABASE \(SQL.identifier(database)) RESET ALL"
    }
}

import BackupCore
import Testing

/// What a restore takes of its server.
@Suite struct RestoreResourcesTests {
    private static let own: [String: Int64] = [
        "maintenance_work_mem": 64 << 20, "max_parallel_maintenance_workers": 2, "shared_buffers": 128 << 20,
        "statement_timeout": 0, "lock_timeout": 0, "vacuum_cost_delay": 0,
    ]

    private static func facts(_ change: (inout RestoreResources.Facts) -> Void = { _ in }) -> RestoreResources.Facts {
        var facts = RestoreResources.Facts(hostCores: 2)
        facts.settings = own
        change(&facts)
        return facts
    }

    private static func values(_ facts: RestoreResources.Facts, workers: Int? = nil) -> [String: String] {
        let settings = RestoreResources(facts, workers: workers).settings
        return Dictionary(settings.map { ($0.name, $0.value) }) { first, _ in first }
    }

    @Test func `a worker for each core of the server, or of this host when that does not say`() {
        #expect(RestoreResources(Self.facts(), workers: nil).workers == 2)
        #expect(RestoreResources(Self.facts { $0.machine = ServerMachine(cores: 16) }, workers: nil).workers == 16)
        #expect(RestoreResources(Self.facts { $0.machine = ServerMachine(cores: 500) }, workers: nil).workers == 64)
    }

    @Test func `never more than the connections and the archive's entries allow, and what was asked for as it is`() {
        func workers(_ asked: Int? = nil, _ change: (inout RestoreResources.Facts) -> Void) -> Int {
            RestoreResources(
                Self.facts {
                    $0.machine = ServerMachine(cores: 16)
                    change(&$0)
                }, workers: asked
            ).workers
        }
        #expect(workers { $0.freeConnections = 97 } == 16)
        #expect(workers { $0.freeConnections = 20 } == 7)
        #expect(workers { $0.freeConnections = 3 } == 1)
        #expect(workers { $0.freeConnections = -1 } == 1)
        #expect(workers { $0.entries = 5 } == 5)
        #expect(workers { $0.entries = 0 } == 1)
        #expect(workers(12) { $0.freeConnections = 3 } == 12)
    }

    @Test func `memory: a quarter of what nobody uses, over all workers, never below the server's own`() {
        func memory(_ free: Int64?, workers: Int = 2, own: Int64 = 64 << 20, others: Int = 0) -> String? {
            let facts = Self.facts {
                $0.machine = ServerMachine(cores: 2, availableMemory: free)
                $0.settings["maintenance_work_mem"] = own
                $0.otherWorkers = others
            }
            return Self.values(facts, workers: workers)["maintenance_work_mem"]
        }
        #expect(memory(8 << 30) == "\(1 << 20)kB")
        #expect(memory(8 << 30, workers: 4) == "\(512 << 10)kB")
        #expect(memory(8 << 30, workers: 2, others: 2) == "\(512 << 10)kB")
        #expect(memory(256 << 20) == nil)
        #expect(memory(8 << 30, own: 4 << 30) == nil)
        // Nothing is known of the machine: as much as its buffers in all.
        #expect(memory(nil, workers: 1) == "\(128 << 10)kB")
        #expect(memory(nil, workers: 2) == nil)
    }

    @Test func `parallel builds of indexes: by the cores that are left, and none that /dev/shm has no room for`() {
        func parallel(
            _ cores: Int?, indexes: Int? = nil, workers: Int = 2, shared: Int64? = nil, isVector: Bool = false
        ) -> String? {
            let machine = ServerMachine(cores: cores, availableMemory: 8 << 30, sharedMemory: shared)
            return Self.values(
                Self.facts {
                    $0.machine = machine
                    $0.indexes = indexes
                    $0.buildsInSharedMemory = isVector
                }, workers: workers)["max_parallel_maintenance_workers"]
        }
        // Nil is the server's own, 2.
        #expect(parallel(nil) == nil)
        #expect(parallel(2, indexes: 7) == "0")
        #expect(parallel(2, indexes: 1) == "1")
        #expect(parallel(2, indexes: 0) == "1")
        #expect(parallel(8, indexes: 2, workers: 8) == "3")
        #expect(parallel(8, indexes: 40, workers: 8) == nil)
        #expect(parallel(8) == "3")
        #expect(parallel(8, shared: 64 << 20) == "3")
        #expect(parallel(8, shared: 64 << 20, isVector: true) == "0")
        #expect(parallel(8, shared: nil, isVector: true) == "0")
        #expect(parallel(8, shared: 16 << 30, isVector: true) == "3")
    }

    @Test func `what would cut off a session is switched off, where the server knows it and it is on`() {
        let values = Self.values(
            Self.facts {
                $0.settings["statement_timeout"] = 200
                $0.settings["vacuum_cost_delay"] = 2
                $0.settings["transaction_timeout"] = 5000
            })
        #expect(values["statement_timeout"] == "0" && values["transaction_timeout"] == "0")
        #expect(values["vacuum_cost_delay"] == "0")
        #expect(values["lock_timeout"] == nil && values["idle_session_timeout"] == nil)
        #expect(values["synchronous_commit"] == "off" && values["default_transaction_read_only"] == "off")
    }

    @Test func `its statements speak of one database and take back all they gave`() {
        let resources = RestoreResources(Self.facts { $0.machine = ServerMachine(cores: 4) }, workers: nil)
        let statements = resources.statements(for: "odd \"name\"")
        #expect(statements.count == resources.settings.count)
        #expect(
            statements.allSatisfy { $0.hasPrefix("ALTER ROLE SESSION_USER IN DATABASE \"odd \"\"name\"\"\" SET ") })
        #expect(
            RestoreResources.reset("odd \"name\"")
                == "ALTER ROLE SESSION_USER IN DATABASE \"odd \"\"name\"\"\" RESET ALL")
    }

    @Test(
        arguments: [
            // One of ten, with all of them while it is there; the others follow with one each.
            (2, [10, 1, 1, 1, 1], [2, 1, 1, 1, 1]), (2, [5, 5], [1, 1]), (4, [6, 4], [3, 2]), (4, [8], [4]),
            (1, [3, 2], [1, 1]), (4, [0, 0], [2, 2]),
        ] as [(Int, [Int64], [Int])])
    func `databases share the workers by what they weigh`(total: Int, bytes: [Int64], shares: [Int]) {
        let found = WorkerShares(total, among: bytes)
        for index in bytes.indices {
            let isLast = index == bytes.count - 1
            #expect(found.share(of: index, free: total) == (isLast ? total : shares[index]))
            #expect(found.mayBegin(index, free: total) && !found.mayBegin(index, free: 0))
            #expect(found.mayBegin(index, free: (shares[index] + 1) / 2))
            #expect(shares[index] < 3 || !found.mayBegin(index, free: 1))
            // Never more than are free, and one at least.
            #expect(found.share(of: index, free: 1) == 1)
        }
    }
}

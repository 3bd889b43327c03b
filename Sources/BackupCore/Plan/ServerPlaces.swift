/// The servers of a schedule by number, with what the agenda counts of each.
struct ServerPlaces: Sendable {
    struct Server: Sendable {
        let name: String
        let concurrency: Int
        /// Jobs that name it.
        var jobs = 0
        /// Where their places begin.
        var begin = 0
        var taken = 0
        /// Runs in progress.
        var running = 0
        /// Runs that are due and have not begun.
        var waiting = 0
        /// Runs begun since the agenda was made, those of the last look not counted.
        var begun = 0
        /// Not dumped now, for a drill.
        var isReserved = false

        var places: Range<Int> { begin..<(begin + taken) }
        var isFull: Bool { isReserved || running >= concurrency }
    }

    var all: [Server] = []
    private var numbers: [String: Int] = [:]
    /// Where the last look has begun runs, once for each.
    var begunNow: [Int] = []

    init(_ schedule: Schedule) {
        for server in schedule.servers { add(server.name, concurrency: server.concurrency) }
        for job in schedule.jobs {
            // One that the schedule lacks has one place.
            add(job.server, concurrency: 1)
            if case .server(let name) = job.drill.place { add(name, concurrency: 1) }
            all[number(of: job.server)].jobs += 1
        }
        var begin = 0
        for number in all.indices {
            all[number].begin = begin
            begin += all[number].jobs
        }
    }

    private mutating func add(_ name: String, concurrency: Int) {
        guard numbers[name] == nil else { return }
        numbers[name] = all.count
        all.append(Server(name: name, concurrency: concurrency))
    }

    /// Of a server that the schedule or one of its jobs names.
    func number(of name: String) -> Int { numbers[name] ?? 0 }

    /// Nil for one that nobody names any more.
    func knownNumber(of name: String) -> Int? { numbers[name] }

    /// The runs of the last look count from now on.
    mutating func countBegun() {
        for number in begunNow { all[number].begun += 1 }
        begunNow = []
    }

    mutating func take(placeOn number: Int) -> Int {
        all[number].taken += 1
        return all[number].begin + all[number].taken - 1
    }
}

import Foundation

/// A whole schedule.json, decoded, with every default filled in. See docs/schedule.md.
package struct Schedule: Sendable, Equatable {
    package struct Storage: Sendable, Equatable {
        /// Absolute path under which every job has a folder.
        package var root: String
        /// Bytes that must stay free on the root's file system.
        package var minimumFree: Int64
        /// The catalog's folder; nil means `STATE_DIRECTORY` or `/var/lib/archon-backupd`.
        package var state: String?

        package init(root: String, minimumFree: Int64, state: String? = nil) {
            self.root = root
            self.minimumFree = minimumFree
            self.state = state
        }
    }

    package var storage: Storage
    /// How many runs may be in progress at once, over all servers.
    package var concurrency: Int
    /// By name, in the order of the file.
    package var servers: [Server] { didSet { serverPlaces = Self.places(of: servers.map(\.name)) } }
    /// In the order of the file.
    package var jobs: [Job] { didSet { places = Self.places(of: jobs.map(\.name)) } }
    /// What `doctor` looks at besides.
    package var platform = Platform()
    /// Whom to call, in the order of the file: the runbook prints them.
    package var contacts: [Contact] = []
    /// Of each job and server, by name: with thousands of them none is looked for from the first on.
    private var places: [String: Int]
    private var serverPlaces: [String: Int]

    package init(storage: Storage, concurrency: Int, servers: [Server], jobs: [Job]) {
        self.storage = storage
        self.concurrency = concurrency
        self.servers = servers
        self.jobs = jobs
        places = Self.places(of: jobs.map(\.name))
        serverPlaces = Self.places(of: servers.map(\.name))
    }

    private static func places(of names: [String]) -> [String: Int] {
        var places: [String: Int] = Dictionary(minimumCapacity: names.count)
        for (place, name) in names.enumerated() where places[name] == nil { places[name] = place }
        return places
    }

    /// Where a job stands in `jobs`.
    package func place(of job: String) -> Int? { places[job] }
    package func job(named name: String) -> Job? { places[name].map { jobs[$0] } }
    /// For a message about a job that is not there: the names of those that are, some of them when there are many.
    package var jobsHint: String {
        let shown = jobs.prefix(20).map(\.name).joined(separator: ", ")
        return jobs.count > 20
            ? "It has \(jobs.count) jobs, such as \(shown): `archon-backupd next` lists all."
            : "Its jobs are: \(shown)."
    }

    package func server(of job: Job) -> Server? { serverPlaces[job.server].map { servers[$0] } }
}

/// Somebody to call when a database is lost.
package struct Contact: Sendable, Equatable {
    package var name: String
    package var role: String?
    package var phone: String?
    package var email: String?
    package var note: String?

    package init(
        name: String, role: String? = nil, phone: String? = nil, email: String? = nil, note: String? = nil
    ) {
        self.name = name
        self.role = role
        self.phone = phone
        self.email = email
        self.note = note
    }
}

/// One PostgreSQL server and how to reach it.
package struct Server: Sendable, Equatable {
    package var name: String
    /// A libpq connection string (key=value or URI) without password and without dbname. Empty for a container: its programs
    /// find the server by its socket.
    package var connection: String
    /// Where PostgreSQL's programs are run; nil for this host.
    package var container: Container?
    /// Runs at once on this server.
    package var concurrency: Int
    /// A libpq passfile, absolute path.
    package var passfile: String?
    /// The name of a systemd credential (`CREDENTIALS_DIRECTORY/NAME`) that holds the password alone.
    package var passwordCredential: String?
    /// The database that is connected to for server-wide questions and while a database is being replaced.
    package var maintenanceDatabase: String
    /// Which of its databases become jobs by themselves; nil when none do.
    package var discovery: Discovery?

    package init(
        name: String, connection: String, container: Container? = nil, concurrency: Int = 1, passfile: String? = nil,
        passwordCredential: String? = nil, maintenanceDatabase: String = "postgres"
    ) {
        self.name = name
        self.connection = connection
        self.container = container
        self.concurrency = concurrency
        self.passfile = passfile
        self.passwordCredential = passwordCredential
        self.maintenanceDatabase = maintenanceDatabase
    }
}

/// One database to back up: its times, its retention, its options.
package struct Job: Sendable, Equatable {
    package enum CatchUp: String, Sendable, CaseIterable { case once, never }
    package enum Format: String, Sendable, CaseIterable, Codable { case custom, directory }
    /// Which database is brought back first, the first case before all; one byte, for there are many jobs.
    package enum Criticality: String, Sendable, CaseIterable { case critical, high, normal, low }
    package struct Retry: Sendable, Equatable {
        /// Attempts in all for one slot, the first included.
        package var attempts: Int
        /// Seconds before the second attempt; doubled for each further one.
        package var delaySeconds: Double
        package init(attempts: Int = 3, delaySeconds: Double = 300) {
            self.attempts = attempts
            self.delaySeconds = delaySeconds
        }

        /// Seconds between attempt `count` and the one after it.
        package func delay(after count: Int) -> Double { delaySeconds * Double(1 << min(max(0, count - 1), 30)) }
    }
    package struct Hook: Sendable, Equatable {
        /// Program and arguments; never given to a shell.
        package var command: [String]
        package var timeoutSeconds: Double
        package init(command: [String], timeoutSeconds: Double = 300) {
            self.command = command
            self.timeoutSeconds = timeoutSeconds
        }
    }

    package var name: String
    package var server: String
    package var database: String
    package var trigger: Trigger
    package var zone: Zone
    package var jitterSeconds: Double = 0
    package var catchUp: CatchUp = .once
    package var format: FormatChoice = .auto
    package var compression: Compression = .auto
    /// Tables that pg_dump reads at once, in the directory format; nil takes what fits the host and the server.
    package var workers: Int?
    package var timeoutSeconds: Double = 7200
    package var lockTimeoutSeconds: Double = 60
    package var retry = Retry()
    package var excludeTables: [String] = []
    package var excludeTableData: [String] = []
    package var schemas: [String] = []
    package var dumpsGlobals = true
    package var before: Hook?
    package var after: Hook?
    /// The time that `before` and `after` have each.
    package var hookTimeoutSeconds: Double = 300
    package var isEnabled = true
    package var criticality = Criticality.normal
    @Copied package var retention = Retention()
    package var proof: SourceProof = .read
    @Copied package var drill: DrillRule
    package var objectives: Objectives
    /// What `audit` and each run hold the database to.
    @Boxed package var expected: ExpectedContents? = nil
    /// The database that discovery has made this job of; nil for a job that is written in the schedule.
    @Boxed package var found: FoundDatabase? = nil

    /// What other jobs say too, held once.
    mutating func share(_ retention: Copied<Retention>) { _retention = retention }
    mutating func share(_ drill: Copied<DrillRule>) { _drill = drill }
    func sharesDrill(with other: Job) -> Bool { _drill.isCopy(of: other._drill) }

    /// With every default: the drill's time follows from the name, how much may be lost from the trigger.
    package init(name: String, server: String, database: String, trigger: Trigger, zone: Zone) {
        self.name = name
        self.server = server
        self.database = database
        self.trigger = trigger
        self.zone = zone
        _drill = Copied(wrappedValue: DrillRule(weeklyFor: name, in: zone))
        objectives = Objectives(of: trigger, in: zone)
    }
}

/// How an archive is compressed; `auto` takes zstd where pg_dump has it and `gzip:1` elsewhere.
package enum Compression: Sendable, Equatable {
    case auto, none, lz4
    case gzip(Int)
    case zstd(Int)
}

/// How many dumps of a job to keep; a rule that is nil keeps nothing by itself. No rule at all keeps everything.
package struct Retention: Sendable, Hashable {
    package var keepLast: Int?
    package var keepHourly: Int?
    package var keepDaily: Int?
    package var keepWeekly: Int?
    package var keepMonthly: Int?
    package var keepYearly: Int?
    package var keepWithinSeconds: Double?
    /// A floor: so many of the newest dumps stay whatever `maximumBytes` says.
    package var keepAtLeast: Int?
    package var maximumBytes: Int64?
    package init() {}
}

/// Reads one member of `databases`, and the options that `defaults` shares with it.
struct JobDecoder {
    private let reader: ScheduleReader
    private let triggers: TriggerDecoder
    private let drills: DrillDecoder
    private let objectives: ObjectivesDecoder
    private let servers: ServerNames
    private let retentions = Retentions()

    /// Those that were read: most jobs have the same few.
    private final class Retentions {
        var known: [Retention: Copied<Retention>] = [:]
    }

    private static let year = 366.0 * 86_400

    init(reader: ScheduleReader, zones: @escaping (String) -> Zone?, servers: ServerNames) {
        self.reader = reader
        self.servers = servers
        triggers = TriggerDecoder(reader: reader, zones: zones)
        drills = DrillDecoder(reader: reader, triggers: triggers, servers: servers)
        objectives = ObjectivesDecoder(reader: reader)
    }

    func job(_ member: JSONNode.Member, _ path: SchedulePath, defaults: Job) -> Job? {
        NameRule.check(member, path, reader, what: "job")
        guard let members = reader.object(member.value, path, allowed: ScheduleKeys.job) else { return nil }
        var job = defaults
        job.name = member.key
        job.database = reader.databaseName(members["database"], path.key("database"), "archon_db") ?? member.key
        job.server = server(members["server"], member, path) ?? ""
        guard fill(&job, members, path, member.value, offset: member.keyOffset, defaults: defaults) else { return nil }
        drills.complete(&job, like: defaults)
        return job
    }

    /// What the jobs of a server's found databases are like: nothing in it says whose they are.
    func template(_ node: JSONNode, _ path: SchedulePath, server: String, defaults: Job) -> Job? {
        guard let members = reader.object(node, path, allowed: ScheduleKeys.found) else { return nil }
        var job = defaults
        job.name = server
        job.server = server
        guard fill(&job, members, path, node, offset: node.offset, defaults: defaults) else { return nil }
        return job
    }

    /// False when it has no times; `offset` is where that is told.
    private func fill(
        _ job: inout Job, _ members: JSONNode.Members, _ path: SchedulePath, _ node: JSONNode, offset: Int,
        defaults: Job
    ) -> Bool {
        job.zone = triggers.zone(members["timeZone"], path.key("timeZone")) ?? defaults.zone
        let trigger = trigger(members, offset, path, zone: &job.zone)
        job.isEnabled = reader.bool(members["enabled"], path.key("enabled")) ?? true
        job.excludeTables = reader.strings(members["excludeTables"], path.key("excludeTables"), "public.cache_*") ?? []
        job.schemas = reader.strings(members["schemas"], path.key("schemas"), "public") ?? []
        if let expected = members["expect"] {
            job.expected = ExpectationDecoder(reader: reader).expectation(expected, path.key("expect"))
        }
        if let criticality: Job.Criticality = reader.choice(members["criticality"], path.key("criticality")) {
            job.criticality = criticality
        }
        options(members, path, node, into: &job)
        guard let trigger else { return false }
        job.trigger = trigger
        objectives.complete(&job)
        return true
    }

    /// The options that a job and `defaults` share.
    func options(_ members: JSONNode.Members, _ path: SchedulePath, _ node: JSONNode, into job: inout Job) {
        if let seconds = reader.seconds(members["jitter"], path.key("jitter"), 0...86_400) {
            job.jitterSeconds = seconds
        }
        if let catchUp: Job.CatchUp = reader.choice(members["catchUp"], path.key("catchUp")) { job.catchUp = catchUp }
        if let format: FormatChoice = reader.choice(members["format"], path.key("format")) { job.format = format }
        if let compression = compression(members["compression"], path.key("compression")) {
            job.compression = compression
        }
        if let workers = reader.integer(members["jobs"], path.key("jobs"), 1...64) { job.workers = workers }
        if let jobs = members["jobs"], let workers = job.workers, workers > 1, job.format == .custom,
            members["format"] != nil || job.name != ""
        {
            reader.fault(
                jobs.offset, path.key("jobs"), "pg_dump works in parallel in the directory format only",
                "Write \"format\": \"directory\" or \"auto\", or leave \"jobs\" out; restore takes --jobs.")
        }
        if let seconds = reader.seconds(members["timeout"], path.key("timeout"), 1...(31 * 86_400)) {
            job.timeoutSeconds = seconds
        }
        if let seconds = reader.seconds(members["lockTimeout"], path.key("lockTimeout"), 0.001...86_400) {
            job.lockTimeoutSeconds = seconds
        }
        retry(members["retry"], path.key("retry"), into: &job)
        if let patterns = reader.strings(members["excludeTableData"], path.key("excludeTableData"), "public.log_*") {
            job.excludeTableData = patterns
        }
        if let globals = reader.bool(members["globals"], path.key("globals")) { job.dumpsGlobals = globals }
        hooks(members["hooks"], path.key("hooks"), into: &job)
        retention(members["retention"], path.key("retention"), into: &job)
        if let proof: SourceProof = reader.choice(members["proof"], path.key("proof")) { job.proof = proof }
        if let drill = members["drill"] { drills.drill(drill, path.key("drill"), into: &job.drill) }
        objectives.objectives(members["objectives"], path.key("objectives"), into: &job.objectives)
    }

    private func server(_ node: JSONNode?, _ member: JSONNode.Member, _ path: SchedulePath) -> String? {
        var hint: String { "Write one of \(servers.shown.joined(separator: ", "))." }
        guard let node else {
            if servers.all.count > 1 {
                reader.fault(member.keyOffset, path, "\"server\" is missing, and there are several", hint)
            }
            return servers.all.first
        }
        guard let name = reader.string(node, path.key("server"), servers.shown.first ?? "main") else { return nil }
        guard servers.contains(name) else {
            reader.fault(node.offset, path.key("server"), "there is no server \"\(name)\"", hint)
            return nil
        }
        return name
    }

    private func trigger(
        _ members: JSONNode.Members, _ offset: Int, _ path: SchedulePath, zone: inout Zone
    ) -> Trigger? {
        if members["calendar"] == nil, members["cron"] == nil {
            reader.fault(
                offset, path, "it has no times",
                "Add \"calendar\": \"\(TriggerDecoder.calendarExample)\" or \"cron\": \"\(TriggerDecoder.cronExample)\"."
            )
        }
        return triggers.trigger(members, path, zone: &zone)
    }

    private func compression(_ node: JSONNode?, _ path: SchedulePath) -> Compression? {
        guard let text = reader.string(node, path, "auto"), let node else { return nil }
        let pieces = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        // Int also reads "+1" and "01".
        let level = pieces.count == 2 ? Int(pieces[1]).flatMap { "\($0)" == pieces[1] ? $0 : nil } : nil
        switch (pieces[0], pieces.count, level) {
        case ("auto", 1, _): return .auto
        case ("none", 1, _): return Compression.none
        case ("lz4", 1, _): return .lz4
        case ("gzip", 2, let level?) where (1...9).contains(level): return .gzip(level)
        case ("zstd", 2, let level?) where (1...22).contains(level): return .zstd(level)
        default:
            reader.fault(
                node.offset, path, "\"\(text)\" is no compression",
                "Write \"auto\", \"none\", \"gzip:1\" to \"gzip:9\", \"zstd:1\" to \"zstd:22\" or \"lz4\".")
            return nil
        }
    }

    private func retry(_ node: JSONNode?, _ path: SchedulePath, into job: inout Job) {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.retry) else { return }
        if let attempts = reader.integer(members["attempts"], path.key("attempts"), 1...100) {
            job.retry.attempts = attempts
        }
        if let seconds = reader.seconds(members["delay"], path.key("delay"), 0...86_400) {
            job.retry.delaySeconds = seconds
        }
    }

    /// What a job's hooks do not say stays as `defaults` has it.
    private func hooks(_ node: JSONNode?, _ path: SchedulePath, into job: inout Job) {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.hooks) else { return }
        if let seconds = reader.seconds(members["timeout"], path.key("timeout"), 1...86_400) {
            job.hookTimeoutSeconds = seconds
        }
        if let command = command(members["before"], path.key("before")) { job.before = Job.Hook(command: command) }
        if let command = command(members["after"], path.key("after")) { job.after = Job.Hook(command: command) }
        job.before?.timeoutSeconds = job.hookTimeoutSeconds
        job.after?.timeoutSeconds = job.hookTimeoutSeconds
    }

    private func command(_ node: JSONNode?, _ path: SchedulePath) -> [String]? {
        guard let node, let command = reader.strings(node, path, "/usr/local/bin/program") else { return nil }
        guard command.first?.utf8.first == UInt8(ascii: "/") else {
            reader.fault(
                node.offset, path, "does not begin with the absolute path of a program",
                "Write [\"/usr/local/bin/program\", \"argument\"]; there is no shell.")
            return nil
        }
        return command
    }

    private func shared(_ retention: Retention) -> Copied<Retention> {
        if let known = retentions.known[retention] { return known }
        let new = Copied(wrappedValue: retention)
        retentions.known[retention] = new
        return new
    }

    /// A job's retention stands in place of the one in `defaults`; the two are not mixed.
    private func retention(_ node: JSONNode?, _ path: SchedulePath, into job: inout Job) {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.retention) else { return }
        func count(_ key: String) -> Int? { reader.integer(members[key], path.key(key), 1...100_000) }
        var retention = Retention()
        retention.keepLast = count("keepLast")
        retention.keepHourly = count("keepHourly")
        retention.keepDaily = count("keepDaily")
        retention.keepWeekly = count("keepWeekly")
        retention.keepMonthly = count("keepMonthly")
        retention.keepYearly = count("keepYearly")
        retention.keepAtLeast = count("keepAtLeast")
        retention.keepWithinSeconds = reader.seconds(
            members["keepWithin"], path.key("keepWithin"), 1...(100 * Self.year))
        retention.maximumBytes = reader.bytes(members["maximumBytes"], path.key("maximumBytes"), atLeast: 1)
        job.share(shared(retention))
    }
}

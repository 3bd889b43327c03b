/// Reads "discover" of a server.
struct DiscoveryDecoder {
    let reader: ScheduleReader
    let jobs: JobDecoder
    /// What `defaults` says.
    let defaults: Job

    /// Nil when it is not there, or when no job can be made by it.
    func discovery(_ node: JSONNode?, _ path: SchedulePath, server: String) -> Discovery? {
        guard let node, let members = reader.object(node, path, allowed: ScheduleKeys.discover) else { return nil }
        let exclude = patterns(members["exclude"], path.key("exclude"))
        let every = reader.seconds(members["every"], path.key("every"), 1...(31 * 86_400))
        guard let like = members["as"] else {
            reader.fault(
                node.offset, path, "\"as\" is missing",
                "Write \"as\": { \"calendar\": \"\(TriggerDecoder.calendarExample)\" }: what the found jobs are like.")
            return nil
        }
        guard let template = jobs.template(like, path.key("as"), server: server, defaults: defaults) else { return nil }
        return Discovery(exclude: exclude ?? .none, everySeconds: every ?? 3600, template: template)
    }

    private func patterns(_ node: JSONNode?, _ path: SchedulePath) -> DatabasePatterns? {
        guard let texts = reader.strings(node, path, "test_*"), case .array(let elements)? = node?.value else {
            return nil
        }
        var good: [String] = []
        for (index, text) in texts.enumerated() {
            do {
                _ = try DatabasePatterns([text])
                good.append(text)
            } catch {
                let failure = error as? Failure
                reader.fault(
                    elements[index].offset, path.index(index), failure?.message ?? "is no pattern",
                    failure?.hint ?? "Write a name with * and ? in it.")
            }
        }
        return try? DatabasePatterns(good)  // each has been tried
    }
}

/// Every key that a schedule may have, place by place. The decoder reads by these lists and a test holds
/// config/schedule.schema.json to them.
package enum ScheduleKeys {
    package static let top = [
        "$schema", "version", "storage", "timeZone", "concurrency", "servers", "defaults", "databases", "platform",
        "contacts",
    ]
    package static let storage = ["root", "minimumFree", "state"]
    package static let server = [
        "connection", "container", "concurrency", "passfile", "passwordCredential", "maintenanceDatabase", "discover",
    ]
    package static let container = ["engine", "socket", "name", "user"]
    package static let defaults = [
        "jitter", "catchUp", "format", "compression", "jobs", "timeout", "lockTimeout", "retry", "excludeTableData",
        "globals", "hooks", "retention", "proof", "drill", "objectives",
    ]
    package static let job =
        [
            "server", "database", "calendar", "cron", "timeZone", "enabled", "excludeTables", "schemas", "expect",
            "criticality",
        ]
        + defaults
    package static let discover = ["exclude", "every", "as"]
    /// Of the jobs that discovery makes: all that a job has but whose it is.
    package static let found = job.filter { $0 != "server" && $0 != "database" }
    package static let retention = [
        "keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly", "keepWithin", "keepAtLeast",
        "maximumBytes",
    ]
    package static let retry = ["attempts", "delay"]
    package static let hooks = ["before", "after", "timeout"]
    package static let drill = ["enabled", "calendar", "cron", "on", "assertions", "timeout"]
    package static let objectives = ["rpo", "rto"]
    package static let platform = ["engine", "socket", "hosts", "endpoints", "containers", "postgrest"]
    package static let platformHost = ["containers", "here"]
    package static let endpoint = ["url", "status", "timeout"]
    package static let postgrest = ["database"]
    package static let contact = ["name", "role", "phone", "email", "note"]
    package static let expect = ["tables", "extensions", "schemas", "owner"]
}

import BackupCore
import Foundation

/// What becomes of an extension that a database can have under one name alone.
struct LateRestore: Sendable {
    /// The name that the database will have.
    let name: String
    let manifest: Manifest?

    /// Before anything is done. Throws `.unavailable` that names what the server's installation lacks.
    func check(_ admin: Session) async throws {
        let late = LateExtension.cron
        // An adopted dump's manifest names no extensions, and has their entries.
        guard let manifest,
            manifest.extensions.contains(where: { $0.name == late.name }) || late.isIn(manifest.contents ?? [:])
        else {
            return try await RestoreEngine.checkExtensions(manifest, admin, without: nil)
        }
        let home = try await home(of: late, admin)
        guard home != nil || name != manifest.database else {
            throw Failure(
                .unavailable, "\(name) has the extension \(late.name), which the server has not loaded",
                hint:
                    "Write it into shared_preload_libraries and restart the server; or restore with --into another name, without it."
            )
        }
        try await RestoreEngine.checkExtensions(manifest, admin, without: home == name ? nil : late)
    }

    /// When the database has its name. Returns what is worth knowing. Throws a failure that says that all else is in its place.
    func bring(_ outcome: RestoreEngine.Outcome, _ engine: RestoreEngine, previous: String?) async throws -> [String] {
        guard let late = outcome.late else { return [] }
        let rows = Plural.rows(outcome.reading.facts.tables[late.table]?.rows ?? 0)
        // In a task of its own: an interruption would leave half of it.
        let work = Task { () throws -> String? in
            let home = try await home(of: late, engine.admin)
            if home == name {
                try await engine.bring(late, name, outcome.reading)
                return nil
            }
            let place = home.map { "it lives in \($0) alone (\(late.setting))" } ?? "the server has not loaded it"
            return
                "\(late.name) and all of its schema \(late.schema), with \(rows) in \(late.table), is not in \(name): \(place)"
        }
        switch await work.result {
        case .success(let note): return note.map { [$0] } ?? []
        case .failure(let error):
            let kept = previous.map { "The database that was there is kept as \($0). " } ?? ""
            let list = "pg_restore -l \(ShellCommand.word(engine.archive)) | grep -E ' \(late.schema) |\(late.name)'"
            throw Failure(
                .failed,
                "\(name) is restored and in its place, but not its extension \(late.name), with \(rows) in \(late.table)",
                hint:
                    "\(kept)Mend the cause, and bring it with `pg_restore -L LIST`, where LIST is what `\(list)` prints.",
                cause: "\(error)")
        }
    }

    /// The database that may have it; nil where the server has not loaded it.
    private func home(of late: LateExtension, _ admin: Session) async throws -> String? {
        try await admin.value("SELECT current_setting($1, true)", [late.setting])
    }
}

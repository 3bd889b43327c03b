import BackupCore

extension Scheduler {
    /// Takes the same schedule with other found databases in it.
    package func adopt(_ schedule: Schedule) async {
        take(schedule)
        await wentIdle()
    }
}

import Foundation

/// When a job is due: a systemd calendar expression or a cron line.
///
/// Indirect, so that the copies which many jobs have of one share it.
package indirect enum Trigger: Sendable, Equatable {
    case calendar(CalendarExpression)
    case cron(CronExpression)

    /// The first instant strictly after `date` that the expression names in `zone`, or nil when there is none.
    package func next(after date: Date, in zone: Zone) -> Date? {
        switch self {
        case .calendar(let expression): expression.next(after: date, in: zone)
        case .cron(let expression): expression.next(after: date, in: zone)
        }
    }

    /// The expression as it was written.
    package var source: String {
        switch self {
        case .calendar(let expression): expression.source
        case .cron(let expression): expression.source
        }
    }

    /// The zone written at the end of the expression, if any.
    package var zoneName: String? {
        switch self {
        case .calendar(let expression): expression.zoneName
        case .cron: nil
        }
    }
}

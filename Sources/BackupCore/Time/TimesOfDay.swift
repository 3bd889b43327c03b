/// The times at which an expression is due within one day, as far as the gaps between them need it: in microseconds
/// since the day began.
struct TimesOfDay {
    let first: Int
    let last: Int
    /// Between two consecutive times; 0 where there is one only.
    let largestGap: Int

    /// Nil when there are no times. They must be in order.
    init?(_ times: [Int]) {
        guard let first = times.first, let last = times.last else { return nil }
        self.init(first: first, last: last, largestGap: zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? 0)
    }

    private init(first: Int, last: Int, largestGap: Int) {
        (self.first, self.last, self.largestGap) = (first, last, largestGap)
    }

    /// The same times within each of several longer units, which begin at `beginnings`.
    func repeated(at beginnings: [Int]) -> TimesOfDay? {
        guard let units = TimesOfDay(beginnings) else { return nil }
        return TimesOfDay(
            first: units.first + first, last: units.last + last,
            largestGap: max(largestGap, units.largestGap - (last - first)))
    }
}

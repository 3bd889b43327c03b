/// One component of a calendar expression: any value, or a list of values, ranges and repetitions.
struct CalendarField: Sendable, Equatable {
    struct Part: Sendable, Equatable {
        var start: Int
        /// Nil in a part without an upper end.
        var stop: Int?
        /// 0 for a single value; else the distance between values.
        var step: Int
    }

    /// Empty means every value.
    var parts: [Part] = []

    static let any = CalendarField()
    static func only(_ values: Int...) -> CalendarField {
        CalendarField(parts: values.map { Part(start: $0, stop: nil, step: 0) })
    }

    var isAny: Bool { parts.isEmpty }

    /// The smallest value named that is not below `value` and not above `limit`.
    func next(from value: Int, limit: Int) -> Int? {
        if isAny { return value <= limit ? value : nil }
        var best: Int?
        for part in parts {
            guard let found = part.next(from: value, limit: limit) else { continue }
            best = min(best ?? found, found)
        }
        return best
    }

    /// The values named up to `limit`, in order; of those that are less than `apart` apart the first.
    func values(through limit: Int, apart: Int = 1) -> [Int] {
        var values: [Int] = []
        while let value = next(from: values.last.map { $0 + apart } ?? 0, limit: limit) { values.append(value) }
        return values
    }

    func contains(_ value: Int) -> Bool { isAny || parts.contains { $0.next(from: value, limit: value) == value } }
}

extension CalendarField.Part {
    func next(from value: Int, limit: Int) -> Int? {
        if start >= value { return start <= limit ? start : nil }
        guard step > 0 else { return nil }
        let found = start + (value - start + step - 1) / step * step
        return found <= min(stop ?? limit, limit) ? found : nil
    }
}

extension String {
    /// The text with `new` in the place of each scalar `old`. Not by characters: a quote with a combining mark behind it is one
    /// character to Swift, another than the quote, and still a quote to a server or a shell.
    package func escaping(_ old: Unicode.Scalar, as new: String) -> String {
        guard unicodeScalars.contains(old) else { return self }
        var escaped = UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar == old { escaped.append(contentsOf: new.unicodeScalars) } else { escaped.append(scalar) }
        }
        return String(escaped)
    }
}

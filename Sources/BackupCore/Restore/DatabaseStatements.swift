import Foundation

/// The SQL that gives a new database the properties of an old one.
package struct DatabaseStatements: Sendable {
    private let properties: Manifest.DatabaseProperties

    package init(_ properties: Manifest.DatabaseProperties) { self.properties = properties }

    /// `CREATE DATABASE`, from template0 so that nothing local slips in. Properties that are not known are left to the server.
    package func create(_ name: String, serverVersion: Int) -> String {
        var parts = ["CREATE DATABASE \(SQL.identifier(name)) TEMPLATE template0"]
        if !properties.owner.isEmpty { parts.append("OWNER \(SQL.identifier(properties.owner))") }
        if !properties.encoding.isEmpty { parts.append("ENCODING \(SQL.literal(properties.encoding))") }
        if !properties.collation.isEmpty { parts.append("LC_COLLATE \(SQL.literal(properties.collation))") }
        if !properties.characterType.isEmpty { parts.append("LC_CTYPE \(SQL.literal(properties.characterType))") }
        if serverVersion >= 150_000, !properties.collation.isEmpty {
            // Of libc too: template0 may be of another provider, and a new database would be as well.
            parts.append("LOCALE_PROVIDER \(properties.localeProvider)")
            if properties.localeProvider != "libc", let locale = properties.icuLocale {
                parts.append(
                    "\(properties.localeProvider == "builtin" ? "BUILTIN_LOCALE" : "ICU_LOCALE") \(SQL.literal(locale))"
                )
            }
        }
        return parts.joined(separator: " ")
    }

    /// Settings, grants, connection limit and comment, for after the data are in.
    package func finish(_ name: String, withComment: Bool = true) -> [String] {
        let database = SQL.identifier(name)
        var statements: [String] = []
        for setting in properties.settings {
            let target =
                setting.role.map { "ROLE \(SQL.identifier($0)) IN DATABASE \(database)" } ?? "DATABASE \(database)"
            statements.append("ALTER \(target) SET \(Self.settingName(setting.name)) TO \(Self.settingValue(setting))")
        }
        if let grants = properties.grants {
            statements.append("REVOKE ALL ON DATABASE \(database) FROM PUBLIC")
            if !properties.owner.isEmpty {
                statements.append("REVOKE ALL ON DATABASE \(database) FROM \(SQL.identifier(properties.owner))")
            }
            statements += grants.flatMap { Self.grant($0, on: database) }
        }
        if properties.connectionLimit != -1 {
            statements.append("ALTER DATABASE \(database) CONNECTION LIMIT \(properties.connectionLimit)")
        }
        guard withComment else { return statements }
        statements.append("COMMENT ON DATABASE \(database) IS \(properties.comment.map(SQL.literal) ?? "NULL")")
        return statements
    }

    /// An extension's setting has a dot: `app.tenant`.
    private static func settingName(_ name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false).map { SQL.identifier(String($0)) }.joined(
            separator: ".")
    }

    /// The settings that are lists of names: each element is quoted by itself, or `"$user", public` would become one name.
    private static let listSettings: Set<String> = [
        "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
        "temp_tablespaces", "unix_socket_directories",
    ]

    private static func settingValue(_ setting: Manifest.DatabaseProperties.Setting) -> String {
        guard listSettings.contains(setting.name.lowercased()) else { return SQL.literal(setting.value) }
        let elements = listElements(setting.value)
        return elements.isEmpty ? "''" : elements.map(SQL.literal).joined(separator: ", ")
    }

    private static func listElements(_ text: String) -> [String] {
        var elements: [String] = []
        var current = ""
        var isQuoted = false
        var characters = Array(text)[...]
        while let character = characters.popFirst() {
            switch character {
            case "\"" where isQuoted && characters.first == "\"":
                current.append("\"")
                characters.removeFirst()
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                elements.append(current)
                current = ""
            case " " where !isQuoted: break
            default: current.append(character)
            }
        }
        if !current.isEmpty || !elements.isEmpty { elements.append(current) }
        return elements
    }

    /// `"odd name"=CTc*/owner` as GRANT statements.
    private static func grant(_ item: String, on database: String) -> [String] {
        var characters = Array(item)[...]
        var grantee = ""
        var isQuoted = false
        while let character = characters.popFirst() {
            if character == "\"" {
                if isQuoted, characters.first == "\"" {
                    grantee.append("\"")
                    characters.removeFirst()
                } else {
                    isQuoted.toggle()
                }
            } else if character == "=", !isQuoted {
                break
            } else {
                grantee.append(character)
            }
        }
        let role = grantee.isEmpty ? "PUBLIC" : SQL.identifier(grantee)
        let names: [Character: String] = ["C": "CREATE", "T": "TEMPORARY", "c": "CONNECT"]
        var plain: [String] = []
        var grantable: [String] = []
        for (index, character) in zip(characters.indices, characters) {
            if character == "/" { break }
            guard let name = names[character] else { continue }
            let next = characters.index(after: index)
            if next < characters.endIndex, characters[next] == "*" {
                grantable.append(name)
            } else {
                plain.append(name)
            }
        }
        var statements: [String] = []
        if !plain.isEmpty {
            statements.append("GRANT \(plain.joined(separator: ", ")) ON DATABASE \(database) TO \(role)")
        }
        if !grantable.isEmpty {
            statements.append(
                "GRANT \(grantable.joined(separator: ", ")) ON DATABASE \(database) TO \(role) WITH GRANT OPTION")
        }
        return statements
    }
}

/// Quoting for SQL.
package enum SQL {
    /// Always in double quotes.
    package static func identifier(_ name: String) -> String { "\"" + name.escaping("\"", as: "\"\"") + "\"" }

    /// With a backslash in it, in the E form, which means the same under every setting.
    package static func literal(_ text: String) -> String {
        let quoted = "'" + text.escaping("'", as: "''").escaping("\\", as: "\\\\") + "'"
        return text.unicodeScalars.contains("\\") ? "E" + quoted : quoted
    }
}

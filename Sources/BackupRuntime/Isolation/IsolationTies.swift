import BackupCore

/// Finds what a move of tables would cut, leave behind or take along: by the catalogs' own dependencies, and for functions, whose
/// bodies the server does not look into, by the tables' names in them.
enum IsolationTies {
    /// `oids` are the tables'. Sorted by kind, object and table.
    static func find(_ oids: [String], _ session: Session) async throws -> [IsolationTie] {
        guard !oids.isEmpty else { return [] }
        let moved = "WITH moved AS (SELECT unnest('{\(oids.joined(separator: ","))}'::oid[]) AS oid) "
        var found: Set<IsolationTie> = []
        var questions = Self.questions
        if session.serverVersion >= 150_000 { questions.append(publishedSchemas) }
        for question in questions {
            for row in try await session.query(moved + question) {
                guard row.count == 3, let kind = row[0].flatMap(IsolationTie.Kind.init), let object = row[1],
                    let table = row[2]
                else { continue }
                found.insert(IsolationTie(kind: kind, object: object, table: table))
            }
        }
        found.formUnion(try await largeObjects(oids, session))
        let order = IsolationTie.Kind.allCases
        return found.sorted { left, right in
            let places = (order.firstIndex(of: left.kind) ?? 0, order.firstIndex(of: right.kind) ?? 0)
            return places.0 != places.1 ? places.0 < places.1 : (left.object, left.table) < (right.object, right.table)
        }
    }

    /// Columns with the numbers of large objects that are there.
    private static func largeObjects(_ oids: [String], _ session: Session) async throws -> [IsolationTie] {
        let columns = try await session.query(
            """
            WITH RECURSIVE numbers AS (
              SELECT unnest(ARRAY['oid'::regtype, 'oid[]'::regtype])::oid AS oid
              UNION SELECT t.oid FROM pg_type t JOIN numbers n ON t.typtype = 'd' AND t.typbasetype = n.oid
                OR t.typelem = n.oid AND t.typcategory = 'A')
            SELECT a.attname, quote_ident(a.attname), c.oid::regclass, t.typcategory = 'A' OR EXISTS (
              SELECT FROM pg_type b WHERE b.oid = t.typbasetype AND b.typcategory = 'A')
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND c.oid = ANY ('{\(oids.joined(separator: ","))}')
              AND t.oid IN (SELECT oid FROM numbers)
            """)
        var ties: [IsolationTie] = []
        for row in columns {
            guard let name = row[0], let column = row[1], let table = row[2] else { continue }
            let some = try await session.value(
                "SELECT 1 FROM ONLY \(table) t JOIN pg_largeobject_metadata o ON o.oid = \(row[3] == "t" ? "ANY (t.\(column))" : "t.\(column)") LIMIT 1"
            )
            if some != nil { ties.append(IsolationTie(kind: .largeObjects, object: name, table: table)) }
        }
        return ties
    }

    private static let isMoved = "IN (SELECT oid FROM moved)"
    private static let stays = "NOT IN (SELECT oid FROM moved)"

    /// Each gives kind, object and table; names are written in full, for the session has no search_path.
    private static let questions = [
        """
        SELECT CASE WHEN k.confrelid \(isMoved) THEN 'foreign-key-in' WHEN does IS NULL THEN 'foreign-key-out'
            ELSE 'foreign-key-action' END,
          CASE WHEN k.confrelid \(isMoved) THEN format('%I of %s', k.conname, k.conrelid::regclass)
            ELSE concat_ws(', ', format('%I to %s', k.conname, k.confrelid::regclass), does) END,
          CASE WHEN k.confrelid \(isMoved) THEN k.confrelid ELSE k.conrelid END::regclass
        FROM pg_constraint k CROSS JOIN LATERAL (
          SELECT string_agg(format('ON %s %s', event, effect), ', ' ORDER BY event) AS does
          FROM (VALUES ('DELETE', k.confdeltype), ('UPDATE', k.confupdtype)) AS e (event, code)
          JOIN (VALUES ('c', 'CASCADE'), ('n', 'SET NULL'), ('d', 'SET DEFAULT')) AS f (code, effect)
            ON f.code = e.code) AS a
        WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.confrelid \(isMoved)) <> (k.conrelid \(isMoved))
        """,
        """
        SELECT 'partition', CASE WHEN i.inhrelid \(isMoved) THEN i.inhparent ELSE i.inhrelid END::regclass,
          CASE WHEN i.inhrelid \(isMoved) THEN i.inhrelid ELSE i.inhparent END::regclass
        FROM pg_inherits i WHERE (i.inhrelid \(isMoved)) <> (i.inhparent \(isMoved))
        """,
        """
        SELECT CASE WHEN f.adrelid \(isMoved) THEN 'sequence' ELSE 'sequence-user' END,
          CASE WHEN f.adrelid \(isMoved) THEN s.oid::regclass::text
            ELSE format('%s.%I uses %s', f.adrelid::regclass, a.attname, s.oid::regclass) END,
          coalesce(o.refobjid, f.adrelid)::regclass
        FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
        JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
          AND d.refclassid = 'pg_class'::regclass
        JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
        LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = s.oid
          AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i') AND o.refobjid \(isMoved)
        WHERE (f.adrelid \(isMoved)) <> (o.refobjid IS NOT NULL)
        """,
        "SELECT 'policy', p.polname, p.polrelid::regclass FROM pg_policy p WHERE p.polrelid \(isMoved)",
        """
        SELECT 'policy-elsewhere', format('%I of %s', p.polname, p.polrelid::regclass), d.refobjid::regclass
        FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid \(isMoved) AND p.polrelid \(stays)
        """,
        """
        SELECT 'trigger', format('%I calls %s', t.tgname, t.tgfoid::regprocedure), t.tgrelid::regclass
        FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid \(isMoved)
        """,
        """
        SELECT 'grant', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END || ': '
            || string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type), c.oid::regclass
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x
        WHERE c.oid \(isMoved) AND x.grantee <> c.relowner GROUP BY x.grantee, c.oid
        """,
        """
        SELECT 'grant', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END || ': '
            || string_agg(format('%s (%I)', x.privilege_type, a.attname), ', ' ORDER BY x.privilege_type, a.attnum),
          c.oid::regclass
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid CROSS JOIN LATERAL aclexplode(a.attacl) x
        WHERE c.oid \(isMoved) AND NOT a.attisdropped AND x.grantee <> c.relowner GROUP BY x.grantee, c.oid
        """,
        """
        SELECT 'grant', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END || ': '
            || string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) || ' on ' || s.oid::regclass,
          d.refobjid::regclass
        FROM pg_class s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid
          AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        CROSS JOIN LATERAL aclexplode(s.relacl) x
        WHERE s.relkind = 'S' AND d.refobjid \(isMoved) AND x.grantee <> s.relowner
        GROUP BY x.grantee, s.oid, d.refobjid
        """,
        """
        SELECT 'publication', p.pubname || ', of all tables', c.oid::regclass
        FROM pg_publication p CROSS JOIN pg_class c WHERE p.puballtables AND c.oid \(isMoved)
        """,
        // By the view, which everybody may read.
        """
        SELECT 'subscription', s.subname, r.srrelid::regclass
        FROM pg_subscription_rel r JOIN pg_stat_subscription s ON s.subid = r.srsubid WHERE r.srrelid \(isMoved)
        """,
        """
        SELECT 'publication', p.pubname, r.prrelid::regclass
        FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid \(isMoved)
        """,
        """
        SELECT CASE WHEN r.rulename <> '_RETURN' OR (pg_relation_is_updatable(r.ev_class, true) & 28) <> 0
            THEN 'writing-view' ELSE 'view' END,
          CASE WHEN r.rulename = '_RETURN' THEN r.ev_class::regclass::text
            ELSE format('%I of %s', r.rulename, r.ev_class::regclass) END, d.refobjid::regclass
        FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid \(isMoved) AND r.ev_class \(stays)
        """,
        """
        SELECT 'column', format('%s.%I', a.attrelid::regclass, a.attname), c.oid::regclass
        FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
        JOIN pg_attribute a ON a.atttypid IN (t.oid, t.typarray) AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_class u ON u.oid = a.attrelid AND u.relkind IN ('r', 'p', 'm', 'f', 'c')
        WHERE c.oid \(isMoved) AND u.oid \(stays)
        """,
        """
        SELECT CASE WHEN d.refclassid = 'pg_class'::regclass THEN 'bound-function' ELSE 'function' END,
          p.oid::regprocedure, c.oid::regclass
        FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
        JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND (
            (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
            OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)))
        JOIN pg_proc p ON p.oid = d.objid WHERE c.oid \(isMoved)
        """,
        """
        SELECT 'function-text', p.oid::regprocedure, c.oid::regclass
        FROM pg_class c JOIN pg_proc p ON strpos(lower(p.prosrc), lower(c.relname)) > 0
          AND p.prosrc ~* ('\\m' || regexp_replace(c.relname, '([^[:alnum:]_])', '\\\\\\1', 'g') || '\\M')
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE c.oid \(isMoved) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
          SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
        """,
    ]

    private static let publishedSchemas = """
        SELECT 'publication-of-schema', p.pubname, c.oid::regclass
        FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid
        JOIN pg_class c ON c.relnamespace = s.pnnspid WHERE c.oid \(isMoved)
        """
}

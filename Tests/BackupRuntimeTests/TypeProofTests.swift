import BackupCore
import Foundation
import TestSupport
import Testing

@testable import BackupRuntime

/// Values of every kind, dumped, held to their source and drilled: every one proven, and never a false alarm.
@Suite struct TypeProofTests {
    private static let values = #"""
        create table plain (id int primary key, v text);
        insert into plain select g, md5(g::text) from generate_series(1, 500) g;
        create table empty (id int, v text);
        create table none ();
        insert into none default values; insert into none default values;
        create table texts (id int, v text);
        insert into texts values (1, '\N'), (2, null), (3, ''), (4, '\.'), (5, E'line\nfeed'), (6, E'tab\there'), (7, E'\r'),
          (8, E'\r\n'), (9, '\\'), (10, '\'), (11, E'\b\f\v'), (12, 'COPY public.t (id) FROM stdin;'), (13, E'\n\\.\n'),
          (14, E'\\.\r'), (15, ' '), (16, 'Käse ☃ 😀'), (17, E'\u2028'), (18, '''"$$'), (19, repeat('long ', 100000));
        create table numbers (f4 real, f8 double precision, n numeric, m money, i bigint);
        insert into numbers values ('NaN', 'NaN', 'NaN', '-12345.67', -9223372036854775808), ('Infinity', '-Infinity', 'Infinity', '0.01', 9223372036854775807),
          ('-0', '-0', '-0.000', '0', 0), ('1e-45', '4.9e-324', '1e-1000', null, null), ('3.4028235e38', '1.7976931348623157e308', '1e1000', null, null),
          (0.1, 0.1, 0.10000000000000000001, 1, 1), (1e-40, 2.2250738585072011e-308, '-Infinity', null, 1), (123456.7, 0.30000000000000004, 1.10, null, 2);
        create table documents (j json, b jsonb, x xml, y bytea);
        insert into documents values (' {"a" : [1,  2.50, "\u00e4\\n"], "a": null}', '{"b": 1, "a": {"c": [null, true, 1e10]}}', '<a b="c">d &amp; e</a>', '\x00ff5c2e0a0d09'),
          ('null', 'null', 'text &lt; more'::xml, ''), ('"\\."', '"\\N"', xmlparse(content 'one<two/>three'), '\x5c4e'), (null, null, null, null);
        insert into documents (y) select decode(string_agg(lpad(to_hex(g), 2, '0'), ''), 'hex') from generate_series(0, 255) g;
        create type colour as enum ('red', 'dark "blue"', 'it''s', 'comma,');
        create type pair as (a int, b text);
        create type nested as (p pair, q pair[], c colour);
        create domain positive as int check (value > 0);
        create domain named as text not null default 'x';
        create type floats as range (subtype = float8);
        create table composed (id int, c colour, p pair, n nested, d positive, e named, ps pair[]);
        insert into composed values (1, 'red', (1, 'one'), ((1, 'a"b'), array[(2, 'c,d')::pair, null], 'dark "blue"'), 5, 'y', array[(1, E'\\N')::pair, (null, null)::pair]),
          (2, 'it''s', (null, null), null, null, '', '{}'), (3, 'comma,', (3, ''), row(null, null, null), 1, E'\t', null);
        create table arrays (i int[], t text[], j jsonb[], b bytea[], r int4range[]);
        insert into arrays values ('{{1,2},{3,null}}', array['a "quoted" one', null, 'NULL', '', '\N', E'new\nline', '{x}', 'a,b'], array['{"a": 1}'::jsonb], array['\x00'::bytea], array['[1,5)'::int4range]),
          ('[0:1]={7,8}', '{{{a}}}', '{}', null, '{empty}');
        create table ranges (a int4range, b numrange, c tstzrange, d daterange, e floats, f int4multirange, g datemultirange, h tsmultirange);
        insert into ranges values ('[1,10)', '(0.1,2.50]', '[2026-03-29 01:00+00,)', '(,2026-01-01]', '[-0,NaN]', '{[1,3),[5,9)}', '{[2026-01-01,2026-02-01),[2026-03-01,)}', '{}'),
          ('empty', '(,)', 'empty', '[2026-01-01,infinity]', 'empty', '{}', '{(,)}', '{["2026-01-01 00:00:00.000001",infinity]}');
        create table times (a timestamptz, b timestamp, c date, d time, e timetz, f interval);
        insert into times values ('2026-10-25 00:30+00', '2026-02-28 23:59:59.999999', '0044-03-15 BC', '24:00', '23:59:59.999999-15:59:59', '-1 year -2 mons +3 days -04:05:06.789');
        insert into times values ('infinity', '-infinity', 'infinity', '00:00', '00:00+05:45', 'P1Y2M3DT4H5M6S'), ('1883-11-18 12:03:58+00', '294276-12-31 23:59:59.999999', '5874897-12-31', '00:00:00.000001', null, '178000000 years'),
          ('4713-01-01 00:00 BC', null, null, null, null, '1 mon -1 day'), ('2026-03-29 01:59:59.5+00', null, null, null, null, '-00:00:00.000001');
        create table odds (b bit(5), vb bit varying, u uuid, i inet, c cidr, m macaddr, m8 macaddr8, v tsvector, q tsquery, pt point, pg polygon, ci circle, lsn pg_lsn, ch char(5), nm name, vc varchar(3), by "char", o oid, rc regclass, jp jsonpath, xs xid8, ts txid_snapshot);
        insert into odds values ('10101', '', '00000000-0000-0000-0000-000000000001', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', to_tsvector('simple', 'the ''quick'' fox\jumps: 12'), 'a & !b <-> c:*',
          '(-0,1e-300)', '((0,0),(1,1.5),(0.1,NaN))', '<(1,2),3.3>', '16/B374D848', 'a ', 'a name', 'abc', 'x', 4294967295, 'pg_class', '$.a[*] ? (@ > 1)', '18446744073709551615', '1:20:1,5'),
          (null, '1', null, '::1', '2001:db8::/32', null, null, '''a b'':1A,2 ''c\\d''', null, null, null, null, null, '', null, '', '', null, null, null, null, null);
        create table generated (id int generated always as identity (start 10 increment 5), a int, b int generated always as (a * 2) stored, c text default 'd');
        insert into generated (a) select generate_series(1, 20);
        create table "by default" (id bigint generated by default as identity, "Odd ""name""" text, dropped int);
        insert into "by default" (id, "Odd ""name""") values (100, 'a'), (default, 'b');
        alter table "by default" drop column dropped;
        create table parted (id int, at date, primary key (id, at)) partition by range (at);
        create table parted_1 partition of parted for values from ('2026-01-01') to ('2026-07-01');
        create table parted_2 (at date not null, extra int, id int not null);
        alter table parted_2 drop column extra;
        alter table parted attach partition parted_2 for values from ('2026-07-01') to ('2027-01-01');
        create table parted_rest partition of parted default partition by hash (id);
        create table parted_rest_0 partition of parted_rest for values with (modulus 2, remainder 0);
        create table parted_rest_1 partition of parted_rest for values with (modulus 2, remainder 1);
        insert into parted select g, '2025-12-20'::date + g from generate_series(1, 400) g;
        create table base (id int, v text);
        create table child (extra text) inherits (base);
        create table grandchild (more int) inherits (child);
        insert into base values (1, 'a'); insert into child values (2, 'b', 'c'), (3, 'd', null); insert into grandchild values (4, 'e', 'f', 5);
        create unlogged table unlogged as select generate_series(1, 7) id;
        create table dropped_middle (a int, b int, c int); alter table dropped_middle drop column b; insert into dropped_middle values (1, 3); alter table dropped_middle add column d int default 9;
        create materialized view filled as select count(*) from plain;
        create materialized view unfilled as select count(*) from plain with no data;
        create sequence down increment -3 minvalue -100 maxvalue 5 start 5; select nextval('down'), nextval('down');
        create sequence wide as bigint start 9223372036854775000; select nextval('wide');
        create extension hstore; create extension citext; create extension ltree;
        create table extended (h hstore, c citext, l ltree);
        insert into extended values ('"a b"=>"c\"d", e=>NULL', 'MiXed', 'a.b_c.d'), ('', '', '');
        """#

    private static let objects = """
        select lo_create(2001);
        select lo_from_bytea(2002, 'x');
        select lo_create(2003); select lo_put(2003, 1000000, 'sparse');
        select lo_from_bytea(2004, decode(repeat('00ff5c2e0a0d0927', 6000000), 'hex'));
        comment on large object 2002 is 'an object'; grant select on large object 2002 to public;
        """

    /// Dumps with both the source's contents held to it, and drills on the server and on a throwaway.
    private func prove(_ stage: DrillStage, as server: Server? = nil, _ what: String, everywhere: Bool = false)
        async throws
    {
        var stage = stage
        for format in [FormatChoice.custom, .directory] {
            stage.job.format = format
            stage.job.workers = format == .directory ? 2 : 1
            do {
                let manifest = try await stage.backUp(.sourceContent, as: server)
                #expect(manifest.matched == .content, "\(what)")
                let here = try await stage.drill(manifest)
                #expect(here.notes.isEmpty, "\(what): \(here.notes)")
                // A server of its own takes seconds to make: once is enough where the format says nothing new.
                guard everywhere || (format == .custom && server == nil) else { continue }
                let there = try await stage.drill(manifest, throwaway: true)
                #expect(there.notes.isEmpty, "\(what): \(there.notes)")
            } catch {
                Issue.record("\(what), \(format.rawValue): \(error)")
            }
        }
    }

    @Test func `values of every type`() async throws {
        try await withHost { host in
            let stage = try await DrillStage(host, Self.values)
            try await prove(stage, "every type", everywhere: true)
            try await stage.end()
        }
    }

    @Test func `large objects: empty, small, with a hole, and more than one piece`() async throws {
        try await withHost { host in
            let stage = try await DrillStage(host, Self.objects)
            try await prove(stage, "large objects", everywhere: true)
            try await stage.end()
        }
    }

    /// Each as `ALTER … SET`.
    private static let settings: [[String]] = [
        ["TimeZone = 'Asia/Kathmandu'", "DateStyle = 'SQL, DMY'", "IntervalStyle = 'iso_8601'"],
        ["TimeZone = '<-03>+03:17'", "DateStyle = 'German'", "bytea_output = 'escape'", "extra_float_digits = '-15'"],
        ["standard_conforming_strings = off", "escape_string_warning = off", "xmloption = document"],
        ["quote_all_identifiers = on", "IntervalStyle = 'sql_standard'", "extra_float_digits = 0"],
        ["search_path = 's', 'public'", "row_security = off", "client_encoding = 'LATIN1'", "lc_monetary = 'C.UTF-8'"],
        ["default_transaction_isolation = serializable", "synchronize_seqscans = off", "xmlbinary = hex"],
        [
            "statement_timeout = '1h'", "lock_timeout = '1h'", "idle_in_transaction_session_timeout = '1h'",
            "array_nulls = off",
        ],
    ]

    @Test(arguments: settings.indices)
    func `whatever the settings of database and role are`(index: Int) async throws {
        try await withHost { host in
            let stage = try await DrillStage(host, Self.values)
            let role = "dumper\(UInt32.random(in: 0 ... .max))"
            try await host.server.psql("postgres", "create role \(role) superuser login")
            let server = Server(name: "s", connection: "host=\(host.server.folder)/pg user=\(role)")
            for setting in Self.settings[index] {
                try await host.server.psql("postgres", "alter database \(stage.database) set \(setting)")
            }
            try await prove(stage, "\(Self.settings[index]) on the database")
            for setting in Self.settings[index] {
                let name = setting.prefix { $0 != " " }
                try await host.server.psql(
                    "postgres",
                    "alter database \(stage.database) reset \(name); alter role \(role) set \(setting)")
            }
            try await prove(stage, as: server, "\(Self.settings[index]) on the role")
            try await stage.end()
            try await host.server.psql("postgres", "drop role \(role)")
        }
    }

    @Test(arguments: ["LATIN1", "SQL_ASCII", "EUC_JP", "WIN1251"])
    func `another encoding, in values and in names`(encoding: String) async throws {
        try await withHost { host in
            let stage = try await DrillStage(host, "")
            try await stage.end()
            try await host.server.psql(
                "postgres",
                "create database \(stage.database) template template0 encoding '\(encoding)' lc_collate 'C' lc_ctype 'C'"
            )
            let word = ["LATIN1": "Käse", "SQL_ASCII": "Käse", "EUC_JP": "日本", "WIN1251": "сыр"][encoding] ?? ""
            try await host.server.psql(
                stage.database,
                """
                set client_encoding = '\(encoding == "SQL_ASCII" ? "SQL_ASCII" : "UTF8")';
                create table t (id int, v text); insert into t values (1, '\(word)'), (2, '');
                create table "\(word)" ("\(word)" text, n int); insert into "\(word)" values ('\(word)', 1), (null, 2);
                create sequence "\(word) seq"; select nextval('"\(word) seq"');
                create function "f \(word)"() returns text language sql as 'select ''\(word)''';
                create index "\(word) idx" on "\(word)" (n);
                comment on table "\(word)" is '\(word)';
                """)
            if encoding == "SQL_ASCII" {
                // Bytes that are text in no encoding, as such databases collect them.
                try await host.server.psql(
                    stage.database,
                    "set client_encoding = 'SQL_ASCII'; insert into t values (3, E'\\\\xe4\\\\xff\\\\x80'), (4, E'\\\\xc3\\\\x28')"
                        .replacing("\\\\", with: "\\"))
            }
            try await prove(stage, encoding)
            try await stage.end()
        }
    }
}

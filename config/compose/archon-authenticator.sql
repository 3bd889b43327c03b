-- The roles of the PostgREST that serves archon_db, and no right beyond that. Run as a superuser, in archon_db; running it again
-- changes nothing but what is new: tables that Archon has added, or another password.
--
--   psql -X -d archon_db -v password_file=/etc/archon/secrets/authenticator.password -f archon-authenticator.sql
--
-- archon_authenticator logs in and may do nothing but become one of the two others, as the token says:
-- archon_api reads and writes the rows of public.archon_*, and archon_anon does nothing.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?password_file}
\else
  \echo 'name the file that holds the password: -v password_file=/path'
  SELECT 1 / 0 AS "no password_file";
\endif
SELECT count(*) > 0 AS has_tables
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname LIKE 'archon\_%' \gset
\if :has_tables
\else
  \echo 'there is no table public.archon_* in this database: Archon''s own is meant, -d archon_db'
  SELECT 1 / 0 AS "no archon tables";
\endif
BEGIN;
SET LOCAL client_min_messages = warning;
-- Else the password would stand in the server's log, or in its statistics of statements.
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL pg_stat_statements.track_utility = off;
SET LOCAL password_encryption = 'scram-sha-256';

\set password `cat :'password_file'`
SELECT length(:'password') > 15 AS has_password \gset
\if :has_password
\else
  \echo 'the password file is empty, cannot be read, or holds less than 16 characters'
  SELECT 1 / 0 AS "no password";
\endif

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['archon_anon', 'archon_api', 'archon_authenticator']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE archon_anon NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE archon_api NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE archon_authenticator LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 20 PASSWORD :'password';
GRANT archon_anon, archon_api TO archon_authenticator;

SELECT format('GRANT CONNECT ON DATABASE %I TO archon_authenticator', current_database()) \gexec
GRANT USAGE ON SCHEMA public TO archon_api;

-- Rows, and not TRUNCATE, REFERENCES or TRIGGER.
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO archon_api', oid::regclass)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname LIKE 'archon\_%' \gexec

-- The sequences behind their columns.
SELECT DISTINCT format('GRANT USAGE, SELECT ON SEQUENCE %s TO archon_api', s.oid::regclass)
FROM pg_class s
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid
WHERE s.relkind = 'S' AND d.deptype IN ('a', 'i') AND t.relnamespace = 'public'::regnamespace
  AND t.relname LIKE 'archon\_%' \gexec

-- Archon's own policies know Supabase's roles. Where a table has row security, this role has a policy of its own there.
SELECT format('CREATE POLICY archon_api_all ON %s TO archon_api USING (true) WITH CHECK (true)', c.oid::regclass)
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'archon\_%'
  AND c.relrowsecurity
  AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'archon_api_all') \gexec
COMMIT;
-- PostgREST looks at the schema again.
NOTIFY pgrst, 'reload schema';

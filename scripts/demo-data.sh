#!/bin/sh
# Prints the SQL of an Archon-like database: its eleven archon_* tables, with keys, a view, a function and rows.
cat <<'SQL'
create extension if not exists pg_trgm;
create extension if not exists "uuid-ossp";
create type archon_task_status as enum ('todo', 'doing', 'review', 'done');
create table archon_settings (id uuid primary key default gen_random_uuid(), key text unique not null, value text, is_encrypted boolean not null default false);
create table archon_sources (source_id text primary key, title text, summary text, metadata jsonb not null default '{}', created_at timestamptz not null default now());
create table archon_crawled_pages (id bigserial primary key, url text not null, chunk_number int not null, content text not null, metadata jsonb not null default '{}', source_id text not null references archon_sources, embedding real[], unique (url, chunk_number));
create table archon_code_examples (id bigserial primary key, url text not null, content text not null, summary text not null, source_id text not null references archon_sources);
create table archon_page_metadata (id uuid primary key default gen_random_uuid(), source_id text not null references archon_sources on delete cascade, url text unique not null, word_count int);
create table archon_projects (id uuid primary key default gen_random_uuid(), title text not null, docs jsonb default '[]', pinned boolean default false);
create table archon_tasks (id uuid primary key default gen_random_uuid(), project_id uuid references archon_projects on delete cascade, parent_task_id uuid references archon_tasks, title text not null, status archon_task_status default 'todo', task_order int default 0);
create table archon_project_sources (id uuid primary key default gen_random_uuid(), project_id uuid references archon_projects, source_id text not null, unique (project_id, source_id));
create table archon_document_versions (id uuid primary key default gen_random_uuid(), project_id uuid references archon_projects, field_name text not null, version_number int not null, content jsonb not null);
create table archon_migrations (id uuid primary key default gen_random_uuid(), version varchar(20) not null, migration_name text not null, checksum text);
create table archon_prompts (id uuid primary key default gen_random_uuid(), prompt_name text unique not null, prompt text not null);
create index on archon_crawled_pages using gin (content gin_trgm_ops);
alter table archon_settings enable row level security;
create policy service_only on archon_settings using (true);
create view archon_open_tasks as select * from archon_tasks where status <> 'done';
create function archon_page_count() returns bigint language sql stable as 'select count(*) from archon_crawled_pages';
insert into archon_settings (key, value) select 'setting ' || g, md5(g::text) from generate_series(1, 40) g;
insert into archon_sources (source_id, title) select 'source-' || g, 'Source ' || g from generate_series(1, 20) g;
insert into archon_crawled_pages (url, chunk_number, content, source_id, embedding)
  select 'https://example.org/' || g, 1, repeat(md5(g::text) || ' ', 20), 'source-' || (1 + g % 20), array(select random()::real from generate_series(1, 64)) from generate_series(1, 5000) g;
insert into archon_code_examples (url, content, summary, source_id) select 'https://example.org/' || g, 'code ' || g, 'does ' || g, 'source-' || (1 + g % 20) from generate_series(1, 500) g;
insert into archon_page_metadata (source_id, url, word_count) select 'source-' || (1 + g % 20), 'https://example.org/p/' || g, g from generate_series(1, 300) g;
insert into archon_projects (title) select 'Project ' || g from generate_series(1, 10) g;
insert into archon_tasks (project_id, title, task_order) select p.id, p.title || ' task ' || g, g from archon_projects p, generate_series(1, 25) g;
insert into archon_project_sources (project_id, source_id) select id, 'source-1' from archon_projects;
insert into archon_document_versions (project_id, field_name, version_number, content) select id, 'docs', 1, '{}' from archon_projects;
insert into archon_migrations (version, migration_name) select '0.1.' || g, 'migration_' || g from generate_series(1, 11) g;
insert into archon_prompts (prompt_name, prompt) values ('document_builder', E'Line one\nline two\t\\ and a backslash');
SQL

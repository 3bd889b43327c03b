#!/usr/bin/env python3
"""Writes archon-backupd(8) and schedule.json(5) from what the program and the schema say of themselves.

usage: manual.py BINARY FOLDER

The verbs come from the binary's own --help data, the keys from config/schedule.schema.json, the exit codes from
docs/exit-codes.md, the date from debian/changelog: nothing is told twice.
"""
import email.utils
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = [
    ("/etc/archon-backupd/schedule.json", "The schedule: see schedule.json(5)."),
    ("<root>/<job>/backup_<job>_20261123T020000Z.dump",
     "A dump, an archive of pg_dump; <root> is the schedule's storage.root. A folder in the directory format."),
    ("<root>/<job>/backup_<job>_20261123T020000Z.json", "Its manifest: what it is, and what has been proven of it."),
    ("<root>/<job>/backup_<job>_20261123T020000Z.globals.sql", "The server's roles at that time."),
    ("/var/lib/archon-backupd/catalog.sqlite",
     "The catalog of runs, dumps and drills. When it is lost, rebuild-catalog makes it again from the manifests."),
]
ENVIRONMENT = [
    ("ARCHON_BACKUPD_CONFIG", "The schedule, where --config does not name one."),
    ("STATE_DIRECTORY", "The catalog's folder, where the schedule's storage.state does not name one; set by systemd."),
    ("CREDENTIALS_DIRECTORY", "Where the schedule's passwordCredential is looked for; set by systemd."),
    ("TZDIR", "The zones' data in place of /usr/share/zoneinfo."),
]


def escaped(text):
    """Text as roff takes it: no request by accident, and hyphens that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("…", "...").replace("µ", "\\[mc]").replace("–", "\\[en]")
    return re.sub(r"(?m)^\.", r"\\&.", text)


def prose(text):
    """A paragraph: what stands between backticks is bold."""
    parts = text.split("`")
    return "".join(f"\\fB{escaped(part)}\\fP" if place % 2 else escaped(part) for place, part in enumerate(parts))


def tagged(term, *paragraphs):
    """An entry of a list, `term` already in roff."""
    lines = [".TP", term]
    for place, paragraph in enumerate(p for p in paragraphs if p):
        if place:
            lines.append(".br")
        lines.append(prose(paragraph))
    return lines if len(lines) > 2 else lines + ["\\&"]


def bold(text):
    return f"\\fB{escaped(text)}\\fP"


def head(title, section, date, version):
    return ['.\\" made by scripts/manual.py', f".TH {title} {section} {date} \"archon\\-backupd {escaped(version)}\" \"\"", ".nh", ".ad l"]


def discussion(text):
    """Paragraphs as they are, lines that are set in stay lines."""
    lines = []
    for block in text.split("\n\n"):
        for inset, group in grouped(block.split("\n")):
            if inset:
                lines += [".RS 4", ".nf"] + [escaped(line.strip()) for line in group] + [".fi", ".RE"]
            elif group == ["EXAMPLES"]:
                lines += [".PP", "Examples:"]
            else:
                lines += [".PP", prose(" ".join(line.strip() for line in group))]
    return lines


def grouped(lines):
    groups = []
    for line in lines:
        inset = line.startswith("  ")
        if not groups or groups[-1][0] != inset:
            groups.append((inset, []))
        groups[-1][1].append(line)
    return groups


def usage(argument):
    value = f"\\fI{escaped(argument.get('valueName') or 'value')}\\fP"
    if argument["kind"] == "positional":
        text = value
    else:
        text = bold("--" + argument["preferredName"]["name"]) + ("" if argument["kind"] == "flag" else " " + value)
    text = f"[{text}]" if argument["isOptional"] else text
    return text + (" ..." if argument["isRepeating"] else "")


def term(argument):
    value = f"\\fI{escaped(argument.get('valueName') or 'value')}\\fP"
    if argument["kind"] == "positional":
        return value
    names = ", ".join(bold(("-" if n["kind"] == "short" else "--") + n["name"]) for n in argument["names"])
    return names if argument["kind"] == "flag" else f"{names} {value}"


def visible(arguments, everywhere):
    return [a for a in arguments if a["shouldDisplay"] and (a.get("preferredName") or {}).get("name") not in everywhere]


def verb(command, everywhere):
    """One verb: how it is called, what it does, its options."""
    arguments = visible(command["arguments"], everywhere)
    lines = [f".SS {bold(command['commandName'])} " + " ".join(usage(a) for a in arguments), prose(command["abstract"])]
    lines += discussion(command.get("discussion") or "")
    for argument in arguments:
        default = argument.get("defaultValue")
        lines += tagged(term(argument), argument.get("abstract"), argument.get("discussion"),
                        f"Default: {default}." if default is not None else None)
    return lines


def exit_codes():
    for line in (ROOT / "docs/exit-codes.md").read_text().splitlines():
        row = re.match(r"\| (\d+) \| (\w*) \| (.*) \|$", line)
        if row:
            yield row.groups()


def main_page(command, date, version):
    """archon-backupd(8)."""
    everywhere = {"config", "help", "version"}
    verbs = [c for c in command["subcommands"] if c["shouldDisplay"] and c["commandName"] != "help"]
    shared = {(a.get("preferredName") or {}).get("name"): a for v in verbs for a in v["arguments"]}
    lines = head("ARCHON\\-BACKUPD", 8, date, version)
    abstract = command["abstract"].rstrip(".")
    lines += [".SH NAME", f"archon\\-backupd \\- {escaped(abstract[0].lower() + abstract[1:])}"]
    lines += [".SH SYNOPSIS", ".B archon\\-backupd", "\\fIverb\\fP [\\fIoptions\\fP]"]
    lines += [".SH DESCRIPTION", prose(command["abstract"])] + discussion(command.get("discussion") or "")
    lines += [".SH OPTIONS", "Every verb takes these; with", ".B \\-\\-json", "a verb prints JSON, whose keys are a promise."]
    for name in ["config", "version", "help"]:
        lines += tagged(term(shared[name]), shared[name].get("abstract"), shared[name].get("discussion"))
    lines += [".SH VERBS"]
    for each in verbs:
        lines += verb(each, everywhere)
    lines += [".SH EXIT STATUS"]
    for code, name, meaning in exit_codes():
        lines += tagged(bold(code) + (f" ({escaped(name)})" if name else ""), meaning)
    lines += [".SH ENVIRONMENT"]
    for name, meaning in ENVIRONMENT:
        lines += tagged(bold(name), meaning)
    lines += [".SH FILES"]
    for path, meaning in FILES:
        lines += tagged(f"\\fI{escaped(path)}\\fP", meaning)
    lines += [".SH SEE ALSO", ".BR schedule.json (5),", ".BR pg_dump (1),", ".BR pg_restore (1),", ".BR systemctl (1),",
              ".BR journalctl (1),", ".BR systemd.time (7)"]
    return lines


class Schema:
    """The keys of schedule.json in the order of the schema, each definition told once."""

    def __init__(self, schema):
        self.schema = schema
        self.told = {}

    def resolved(self, node):
        """The node with what it refers to below it; what stands beside a reference wins."""
        chain = []
        while "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            chain.append(name)
            node = {**self.schema["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}}
            if "$ref" in self.schema["$defs"][name]:
                node["$ref"] = self.schema["$defs"][name]["$ref"]
        return node, chain

    def kind(self, node, chain):
        if "const" in node and "type" not in node:
            return json.dumps(node["const"])
        if "enum" in node:
            return " | ".join(json.dumps(value) for value in node["enum"])
        for name, word in [("duration", "time span"), ("size", "size"), ("folder", "absolute path"), ("command", "list of texts"),
                           ("names", "list of texts"), ("cron", "cron line"), ("zone", "time zone")]:
            if name in chain:
                return word
        words = {"string": "text", "integer": "number", "boolean": "true | false", "object": "object", "array": "list"}
        kinds = node.get("type", [])
        return " or ".join(words.get(k, k) for k in ([kinds] if isinstance(kinds, str) else kinds))

    def entries(self, properties, prefix, required):
        lines = []
        for name, raw in properties.items():
            node, chain = self.resolved(raw)
            path = prefix + name
            facts = [f"Default: {json.dumps(node['default'], ensure_ascii=False)}." if "default" in node else None,
                     "Example: " + ", ".join(json.dumps(e, ensure_ascii=False) for e in node["examples"]) + "."
                     if node.get("examples") else None]
            label = bold(path) + f" ({escaped(self.kind(node, chain))}{', required' if name in required else ''})"
            lines += tagged(label, node.get("description"), " ".join(f for f in facts if f))
            inner = node.get("properties")
            if not inner:
                continue
            definition = chain[0] if chain else None
            if definition in self.told:
                lines += [".br", prose(f"Its keys are those of `{self.told[definition]}`.")]
            else:
                if definition:
                    self.told[definition] = path
                lines += self.entries(inner, path + ".", node.get("required", []))
        return lines

    def page(self, date, version):
        """schedule.json(5)."""
        schema = self.schema
        lines = head("SCHEDULE.JSON", 5, date, version)
        lines += [".SH NAME", "schedule.json \\- the schedule of archon\\-backupd"]
        lines += [".SH SYNOPSIS", ".I /etc/archon\\-backupd/schedule.json"]
        lines += [".SH DESCRIPTION", prose(schema["description"])]
        lines += [".PP", prose(
            "Unknown and duplicate keys, wrong types and impossible values are faults; all are told at once, with line, column "
            "and what to write instead. Time spans are written as systemd.time(7) does (`90s`, `6h`, `1d 12h`), sizes as "
            "`500MiB` or `5GiB`. A password in this file is refused.")]
        maps = {"servers": "SERVERS", "databases": "DATABASES"}
        lines += [".SH KEYS"]
        top = {k: v for k, v in schema["properties"].items() if k not in maps and k != "defaults"}
        lines += self.entries(top, "", schema["required"])
        for name, title in maps.items():
            value, _ = self.resolved(schema["properties"][name]["additionalProperties"])
            lines += [f".SH {title}", prose(schema["properties"][name]["description"]) + " " + prose(
                f"The keys of each, below `{name}.NAME`:")]
            lines += self.entries(value["properties"], "", value.get("required", []))
        defaults = schema["properties"]["defaults"]
        lines += [".SH DEFAULTS", prose(defaults["description"]) + " " + prose(
            "Below `defaults`, written as for a job: " + ", ".join(f"`{key}`" for key in defaults["properties"]) + ".")]
        lines += [".SH EXAMPLE", ".nf"]
        lines += [escaped(line) or "\\&" for line in (ROOT / "config/schedule.json").read_text().splitlines()]
        lines += [".fi", ".SH SEE ALSO", ".BR archon\\-backupd (8),", ".BR systemd.time (7),", ".BR pg_dump (1),", ".BR psql (1)"]
        return lines


def date_of_changelog():
    stamp = re.search(r"(?m)^ -- .*>  (.*)$", (ROOT / "debian/changelog").read_text()).group(1)
    return email.utils.parsedate_to_datetime(stamp).strftime("%Y-%m-%d")


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])

    def said(option):
        return subprocess.run([binary, option], check=True, capture_output=True, text=True).stdout

    date, version = date_of_changelog(), said("--version").strip()
    command = json.loads(said("--experimental-dump-help"))["command"]
    schema = json.loads((ROOT / "config/schedule.schema.json").read_text())
    for name, lines in [("archon-backupd.8", main_page(command, date, version)), ("schedule.json.5", Schema(schema).page(date, version))]:
        (folder / name).write_text("\n".join(line for line in lines if line) + "\n")


main()

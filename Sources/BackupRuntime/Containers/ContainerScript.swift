/// The shell script under which every program of ours runs inside a container: for /bin/sh of any image.
///
/// The client of `exec` tells nothing of the program inside: killed, it leaves it running, and its exit status may be 0 then.
/// So the program has a watcher that reads stdin, which the engine closes when the client is gone, and ends the program; and
/// the program's own status comes out in a last line of stderr that carries a token of this run. The shell waits for whatever
/// it has started: an orphan goes to PID 1, and where that is PostgreSQL's postmaster, one that ended by a signal makes it
/// restart all its backends.
enum ContainerScript {
    enum Mode: String {
        /// Stdin says how long the program may go on: its end ends the program.
        case watch
        /// The program reads stdin itself, to its end.
        case feed
        /// psql: what is said goes to it, and the end of stdin ends it even in the midst of a statement.
        case talk
        /// No program: a folder with so much room (first argument, KiB), told on stdout, that is there until stdin ends.
        case hold
    }

    /// Arguments for the engine's client after the container's id.
    static func words(_ mode: Mode, token: String, _ program: [String]) -> [String] {
        ["sh", "-c", text, "archon-backupd", token, mode.rawValue] + program
    }

    /// What is sent before all else: the lines of the password file for libpq, which only its owner may read.
    static func head(passfile: [String]) -> String {
        "\(passfile.count)\n" + passfile.map { "\($0)\n" }.joined()
    }

    /// The program's status out of the last line that carries the token, and what was said before it.
    static func status(in errors: String, token: String) -> (status: Int32, errors: String)? {
        guard let mark = errors.range(of: "\(token) ", options: .backwards),
            let status = Int32(errors[mark.upperBound...].prefix { $0.isNumber })
        else { return nil }
        return (status, errors[..<mark.lowerBound].trimmingSuffix { $0.isWhitespace })
    }

    /// Where images have PostgreSQL's programs beside their PATH; messages in English.
    static let findPrograms = """
        for b in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /opt/bitnami/postgresql/bin; do
          [ -d "$b" ] && PATH=$PATH:$b
        done
        LC_ALL=C; export PATH LC_ALL
        """

    private static let text = """
        token=$1 mode=$2; shift 2
        exec 3<&0 </dev/null
        \(findPrograms)
        unset LANGUAGE PGDATABASE PGOPTIONS PGAPPNAME PGTZ PGDATESTYLE PGCLIENTENCODING PGPASSFILE
        umask 077
        d=
        say() { [ -z "$d" ] || rm -rf "$d"; printf '\\n%s %s\\n' "$token" "$1" >&2; exit "$1"; }
        private() {
          [ -n "$d" ] && return
          d=$(mktemp -d /dev/shm/archon-backupd.XXXXXX 2>/dev/null || mktemp -d "${TMPDIR:-/tmp}/archon-backupd.XXXXXX") || say 73
        }
        IFS= read -r n <&3 || n=0
        if [ "$n" -gt 0 ]; then
          private; i=0
          while [ "$i" -lt "$n" ]; do IFS= read -r l <&3; printf '%s\\n' "$l"; i=$((i + 1)); done >"$d/pass"
          PGPASSFILE=$d/pass; export PGPASSFILE
        fi
        waitfor() { while :; do wait "$1" 2>/dev/null; s=$?; kill -0 "$1" 2>/dev/null || break; done; }
        end() { kill -INT "$p"; sleep 1; kill -TERM "$p"; sleep 10; kill -KILL "$p"; }
        # Not before the children are there: one that inherits a trap loses a signal that comes before it has put it back.
        steady() { trap : HUP INT TERM PIPE; }
        case $mode in
        watch)
          "$@" 3<&- & p=$!
          (read -r x <&3; end) </dev/null >/dev/null 2>&1 & w=$!
          steady; waitfor $p; s1=$s; kill $w 2>/dev/null; waitfor $w; say $s1 ;;
        feed)
          "$@" <&3 3<&- & p=$!
          steady; exec 3<&-; waitfor $p; say $s ;;
        talk)
          private; mkfifo "$d/in" || say 73
          "$@" <"$d/in" 3<&- & p=$!
          (cat <&3 >"$d/in" & k=$!
           trap 'kill $k 2>/dev/null; wait $k; exit 0' TERM
           wait $k; trap - TERM; end) </dev/null >/dev/null 2>&1 & w=$!
          steady; waitfor $p; s1=$s; kill $w 2>/dev/null; waitfor $w; say $s1 ;;
        hold)
          need=$1; f=; seen=
          for b in "${TMPDIR:-/tmp}" /var/tmp; do
            [ -d "$b" ] && [ -w "$b" ] || continue
            for o in "$b"/archon-backupd-*.??????; do
              [ -d "$o" ] || continue
              q=${o##*/archon-backupd-}; kill -0 "${q%.*}" 2>/dev/null || rm -rf "$o"
            done
            set -- $(df -Pk "$b" | tail -n 1)
            seen="$seen $b has $4 KiB"
            if [ "$4" -ge "$need" ] 2>/dev/null; then f=$(mktemp -d "$b/archon-backupd-$$.XXXXXX") && break; fi
          done
          if [ -z "$f" ]; then printf 'none%s\\n' "$seen"; say 0; fi
          printf '%s\\n' "$f"
          steady; read -r x <&3
          i=0; while [ -e "$f" ] && [ "$i" -lt 15 ]; do [ "$i" = 0 ] || sleep 1; rm -rf "$f"; i=$((i + 1)); done
          say 0 ;;
        esac
        """
}

extension Substring {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var rest = self
        while let last = rest.last, isTrimmed(last) { rest.removeLast() }
        return String(rest)
    }
}

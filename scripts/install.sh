#!/bin/sh
# The one list of what is installed, and where: `make install`, `make uninstall` and the Debian package all follow it.
# usage: install.sh install|uninstall|list BINARY     with PREFIX (default /usr/local) and DESTDIR in the environment
#   list prints the paths that install lays down, without DESTDIR.
set -eu
verb=${1:?usage: install.sh install|uninstall|list BINARY}
binary=${2:?usage: install.sh install|uninstall|list BINARY}
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
cd "$(dirname "$0")/.."

configuration=/etc/archon-backupd
share=$PREFIX/share
# systemd looks below /usr and /usr/local only; the package has its units where Debian 12 has them.
case $PREFIX in
    /usr) lib=/usr/lib unit=/lib/systemd/system zsh=/usr/share/zsh/vendor-completions ;;
    /usr/local) lib=/usr/local/lib unit=/usr/local/lib/systemd/system zsh=/usr/local/share/zsh/site-functions ;;
    *) lib=/usr/local/lib unit=/usr/local/lib/systemd/system zsh=$share/zsh/site-functions ;;
esac
service=$unit/archon-backupd.service

# Lines of: mode, what is copied, where to. `made` is where generate() leaves what is no file of the repository.
files() {
    cat <<LIST
0755 made/archon-backupd $PREFIX/bin/archon-backupd
0644 config/schedule.schema.json $share/archon-backupd/schedule.schema.json
0644 made/archon-backupd.service $service
0644 systemd/sysusers.d/archon-backupd.conf $lib/sysusers.d/archon-backupd.conf
0644 systemd/tmpfiles.d/archon-backupd.conf $lib/tmpfiles.d/archon-backupd.conf
0644 systemd/archon-backupd.catalog $lib/systemd/catalog/archon-backupd.catalog
0644 made/archon-backupd.8.gz $share/man/man8/archon-backupd.8.gz
0644 made/schedule.json.5.gz $share/man/man5/schedule.json.5.gz
0644 made/archon-backupd.bash $share/bash-completion/completions/archon-backupd
0644 made/_archon-backupd $zsh/_archon-backupd
0644 made/archon-backupd.fish $share/fish/vendor_completions.d/archon-backupd.fish
LIST
    # 253 and later: the manager waits until the daemon has taken the new schedule.
    if [ "$(systemctl --version 2> /dev/null | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')" -ge 253 ] 2> /dev/null; then
        echo "0644 systemd/notify-reload.conf $service.d/notify-reload.conf"
    fi
    for page in docs/*.md; do echo "0644 $page $share/doc/archon-backupd/${page#docs/}"; done
    for file in config/compose/*; do echo "0644 $file $share/doc/archon-backupd/compose/${file##*/}"; done
    find systemd/examples config/examples -type f 2> /dev/null | sort | while read -r example; do
        mode=0644
        [ ! -x "$example" ] || mode=0755
        echo "$mode $example $share/doc/archon-backupd/examples/${example#*/examples/}"
    done
}

generate() {
    install -m 0755 "$binary" "$made/archon-backupd"
    # The symbols of everything linked in are two thirds of the file; Swift needs none of them to run.
    strip --strip-unneeded --remove-section=.comment "$made/archon-backupd"
    sed "s|/usr/bin/archon-backupd|$PREFIX/bin/archon-backupd|g" systemd/archon-backupd.service > "$made/archon-backupd.service"
    python3 scripts/manual.py "$binary" "$made"
    gzip -9n "$made/archon-backupd.8" "$made/schedule.json.5"
    # It is sourced: its first line, which calls a shell, is not wanted.
    "$binary" --generate-completion-script bash | sed '1{/^#!/d}' > "$made/archon-backupd.bash"
    "$binary" --generate-completion-script zsh > "$made/_archon-backupd"
    "$binary" --generate-completion-script fish > "$made/archon-backupd.fish"
}

lay_down() {
    made=$(mktemp -d)
    trap 'rm -rf "$made"' EXIT
    generate
    files > "$made/list"
    while read -r mode source target; do
        case $source in made/*) source=$made/${source#made/} ;; esac
        install -D -m "$mode" "$source" "$DESTDIR$target"
    done < "$made/list"
    install -d -m 0755 "$DESTDIR$configuration"
    # Beside the schedule for editors; a link, because it follows the program and is nobody's to change.
    ln -sfn "$share/archon-backupd/schedule.schema.json" "$DESTDIR$configuration/schedule.schema.json"
    [ -e "$DESTDIR$configuration/schedule.json" ] ||
        install -m 0644 config/schedule.json "$DESTDIR$configuration/schedule.json"
}

# What a package's own scripts do: only on the host itself.
settle() {
    systemd-sysusers "$lib/sysusers.d/archon-backupd.conf"
    systemd-tmpfiles --create "$lib/tmpfiles.d/archon-backupd.conf"
    [ -d /run/systemd/system ] || return 0
    journalctl --update-catalog
    systemctl daemon-reload
    if systemctl is-active --quiet archon-backupd; then
        echo "archon-backupd: what runs is the version before; archon-backupd check && systemctl restart archon-backupd"
    else
        echo "archon-backupd: edit $configuration/schedule.json, then"
        echo "archon-backupd: archon-backupd check --connect && systemctl enable --now archon-backupd"
    fi
}

case $verb in
    install)
        lay_down
        if [ -z "$DESTDIR" ]; then settle; fi
        ;;
    uninstall)
        if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then systemctl disable --now archon-backupd 2> /dev/null || true; fi
        files | while read -r _ _ target; do rm -f "$DESTDIR$target"; done
        rm -f "$DESTDIR$configuration/schedule.schema.json" "$DESTDIR$service.d/notify-reload.conf"
        for folder in "$DESTDIR$service.d" "$DESTDIR$share/archon-backupd" "$DESTDIR$share/doc/archon-backupd"; do
            [ ! -d "$folder" ] || find "$folder" -depth -type d -empty -delete
        done
        if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then journalctl --update-catalog; systemctl daemon-reload; fi
        echo "archon-backupd: dumps, catalog and $configuration/schedule.json are left where they are"
        ;;
    list)
        files | while read -r _ _ target; do echo "$target"; done
        echo "$configuration/schedule.schema.json"
        echo "$configuration/schedule.json"
        ;;
    *)
        echo "install.sh: no verb \"$verb\"" >&2
        exit 64
        ;;
esac

#!/bin/sh
# The rules a compiler does not know: formatting, what the core may mention, what may be public.
set -u
cd "$(dirname "$0")/.."
failed=0
complain() { echo "check: $1" >&2; failed=1; }

swift format lint --strict --recursive --configuration .swift-format Benchmarks Sources Tests Package.swift ||
    complain 'formatting: run swift format --in-place --recursive Benchmarks Sources Tests Package.swift'

# The core is told the time and the facts; it does not look for them.
if grep -rnE '\bDate\(\)|Date\.now|[^a-zA-Z]\.now\b|FileManager|\bProcess\(|Dispatch|getenv|ProcessInfo' Sources/BackupCore \
    | grep -vE '^[^:]+:[0-9]+: *//'; then
    complain 'the core mentions the clock, files, processes or the environment (above)'
fi
if grep -rnE '^import ' Sources/BackupCore | grep -vE 'import Foundation$'; then complain 'the core imports more than Foundation (above)'; fi
if grep -rnE '\bimport (ArgumentParser|archon_backupd)' Sources/BackupRuntime; then complain 'runtime imports the door (above)'; fi
if grep -rnE '^ *(public|open) ' Sources Benchmarks --include='*.swift'; then complain 'something is public (above)'; fi
# Once one of its threads has begun, libdispatch wakes the process every second.
if grep -rn 'DispatchQueue\.global' Sources; then complain 'a global queue wakes an idle daemon: take a serial one (above)'; fi
if grep -rnE '\btry!|fatalError\(' Sources Benchmarks --include='*.swift'; then complain 'try! or fatalError (above)'; fi
if grep -rnE '\btry\?' Sources Benchmarks --include='*.swift' | grep -v '//'; then complain 'try? without its reason on the line (above)'; fi

said=$(sed -n 's/.*current = "\(.*\)"/\1/p' Sources/BackupCore/Version.swift)
grep -q "^archon-backupd ($said) " debian/changelog || complain "debian/changelog has no version $said, which the program says of itself"
for script in scripts/*.sh debian/archon-backupd.p*; do sh -n "$script" || complain "$script (above)"; done

if command -v systemd-analyze > /dev/null; then
    # The binary is not installed where the unit says; only that line is expected.
    systemd-analyze verify --man=no systemd/archon-backupd.service systemd/examples/*.service systemd/examples/*.timer 2>&1 |
        grep -v 'is not executable' | grep . && complain 'systemd-analyze verify (above)'
    # In tenths: 1.5 is the most that is allowed.
    systemd-analyze security --offline=true --threshold=15 systemd/archon-backupd.service > /dev/null ||
        complain 'the unit is too open: systemd-analyze security --offline=true systemd/archon-backupd.service'
fi
[ $failed = 0 ] && echo 'check: ok'
exit $failed

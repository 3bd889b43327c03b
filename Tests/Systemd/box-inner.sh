#!/bin/bash
# The first process of a box (see box.sh): makes its file system and becomes its systemd.
set -eu
box=$1
base=$box/mount
ip link set lo up
hostname box
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
root=$base/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# Kernel settings are the machine's and read-only, but for the network's, which are this box's own.
mkdir "$base/net"
mount --bind "$root/proc/sys/net" "$base/net"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --move "$base/net" "$root/proc/sys/net"
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
while read -r name major minor; do mknod -m 666 "$root/dev/$name" c "$major" "$minor"; done << 'END'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for stream in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${stream#*:}" "$root/dev/${stream%%:*}"; done
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mkdir "$root/run/lock"
# Else systemd-tmpfiles clears the machine's /tmp through the overlay, which is slow.
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
tr -d - < /proc/sys/kernel/random/uuid > "$base/id"
# Not an empty one: that would be a first boot, at which every unit is enabled.
rm -f "$root/etc/machine-id"
cp "$base/id" "$root/etc/machine-id"
# Images say with it that no package may start its service; here they may.
rm -f "$root/usr/sbin/policy-rc.d"
rm -rf "$root/var/log/journal"
# What a machine has of the product itself, installed or left by hand, is no test's business: its unit, schedule, catalog,
# dumps and user, and the links that enable it.
rm -rf "$root/etc/archon-backupd" "$root/var/lib/archon-backupd" "$root/backups/supabase-ai" "$root/usr/lib/archon-backupd"
find "$root/usr/bin" "$root/usr/local/bin" "$root/etc/systemd" "$root/usr/lib/systemd" "$root/usr/local/lib/systemd" \
    "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d" \( -name 'archon-backupd' -o -name 'archon-backupd.*' \) \
    -exec rm -rf {} + 2> /dev/null || true # not every machine has every folder
sed -i '/^archon-backup:/d' "$root/etc/passwd" "$root/etc/group" "$root/etc/shadow" "$root/etc/gshadow"
mkdir -p "$root/mnt/.old"
cd "$root"
pivot_root . mnt/.old
umount -l /mnt/.old
# systemd leaves this to who makes its container; LoadCredential= needs it.
mount --make-rshared /
exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin container=archon-box LANG=C.UTF-8 \
    /lib/systemd/systemd --system systemd.unified_cgroup_hierarchy=no "systemd.unit=${BOX_UNIT:-basic.target}" \
    systemd.log_target=journal

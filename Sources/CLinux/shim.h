/* Calls of Linux that the C library declares to GNU sources only, which Swift's are not. */
#ifndef ARCHON_LINUX_SHIM_H
#define ARCHON_LINUX_SHIM_H
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

static inline int archon_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/* Gives the room of the first `count` bytes of a file back to the disk; its size stays. */
static inline int archon_punch_hole(int descriptor, long count) {
    return (int)syscall(SYS_fallocate, descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0L, count);
}

/* Begins to write a part of a file to the disk, without waiting: SYNC_FILE_RANGE_WRITE. */
static inline int archon_begin_writing(int descriptor, long offset, long count) {
    return (int)syscall(SYS_sync_file_range, descriptor, offset, count, 2U);
}

/* A process by a descriptor, which stays its own when its number is given to another; readable once it has ended. -1: none. */
static inline int archon_pidfd_open(int process) { return (int)syscall(SYS_pidfd_open, process, 0U); }

static inline int archon_pidfd_signal(int descriptor, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, 0L, 0U);
}

/* How wrong the system's clock may be, in microseconds, as the kernel was last told; -1 where it may not be asked. */
static inline long archon_clock_error(void) {
    struct timex facts = {0};
    return adjtimex(&facts) < 0 ? -1 : facts.maxerror;
}
#endif

// Preloaded into a program under test: moves its wall clock, and only that, by the seconds that stand in the file
// $WALLCLOCK_OFFSET, read again at each look. The monotonic clock and the sleeps of the program are left alone, as on a
// host whose clock somebody steps.
#define _GNU_SOURCE
#include "wallclock.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double offset(void) {
    const char *path = getenv("WALLCLOCK_OFFSET");
    if (!path) return 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    char text[64] = { 0 };
    ssize_t count = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    return count > 0 ? strtod(text, NULL) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        double seconds = offset();
        time_t whole = (time_t)seconds;
        time->tv_sec += whole;
        time->tv_nsec += (long)((seconds - (double)whole) * 1e9);
        if (time->tv_nsec >= 1000000000L) { time->tv_nsec -= 1000000000L; time->tv_sec++; }
        if (time->tv_nsec < 0) { time->tv_nsec += 1000000000L; time->tv_sec--; }
    }
    return result;
}

int gettimeofday(struct timeval *restrict value, void *restrict zone) {
    (void)zone;
    struct timespec time;
    int result = clock_gettime(CLOCK_REALTIME, &time);
    value->tv_sec = time.tv_sec;
    value->tv_usec = time.tv_nsec / 1000;
    return result;
}

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}

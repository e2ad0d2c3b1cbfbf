/* A clock that stands still until a test moves it.
 *
 * Preloaded into a test server (LD_PRELOAD), it answers every question for the wall clock from a file: one 64-bit
 * count of microseconds since the epoch, mapped into memory, so that moving the clock costs no system call.
 * TIME, stream ids, idle times of pending entries and expiry then move under test control; the monotonic clock,
 * which paces the server's own loop, is left alone. Without COTIZA_TEST_CLOCK it changes nothing.
 *
 * Valkey 9 on x86 reckons the wall clock from the processor's time stamp counter for up to a millisecond after it has
 * asked. It learns the counter's rate from /proc/cpuinfo; where that can't be read it asks each time, as Redis does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *moment;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("COTIZA_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) moment = page;
    close(file);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    if (!moment || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return (int)syscall(SYS_clock_gettime, id, at);
    int64_t now = *moment;
    at->tv_sec = now / 1000000;
    at->tv_nsec = now % 1000000 * 1000;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

static FILE *open_unless_cpuinfo(const char *name, const char *path, const char *mode) {
    FILE *(*real)(const char *, const char *);
    if (moment && strcmp(path, "/proc/cpuinfo") == 0) return NULL;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(path, mode);
}

FILE *fopen(const char *restrict path, const char *restrict mode) {
    return open_unless_cpuinfo("fopen", path, mode);
}

FILE *fopen64(const char *restrict path, const char *restrict mode) {
    return open_unless_cpuinfo("fopen64", path, mode);
}

/* A wall clock that a test can set while programs run: preloaded into them, it adds to the time of day the nanoseconds
 * that stand in the file named by CLOCKSHIM. The clock of the machine, and every monotonic one, stay as they are. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL

static int64_t none = 0;

/* The mapping is made once a program, and shared over its forks: a step is seen by all at once. */
static int64_t shift(void)
{
    static int64_t *mapped;
    int64_t *seen = __atomic_load_n(&mapped, __ATOMIC_ACQUIRE);
    if (seen == NULL) {
        const char *path = getenv("CLOCKSHIM");
        int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        void *got = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0)
            close(fd);
        seen = got == MAP_FAILED ? &none : got;
        __atomic_store_n(&mapped, seen, __ATOMIC_RELEASE);
    }
    return __atomic_load_n(seen, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t which, struct timespec *into)
{
    long failed = syscall(SYS_clock_gettime, which, into);
    if (failed == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t at = into->tv_sec * BILLION + into->tv_nsec + shift();
        into->tv_sec = at / BILLION;
        into->tv_nsec = at % BILLION;
    }
    return (int)failed;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    into->tv_sec = now.tv_sec;
    into->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into != NULL)
        *into = now.tv_sec;
    return now.tv_sec;
}

/* Loaded before libc: lets the disk below one directory fail or dawdle while a test says so, and
 * shows a process another time. The first byte of the file FAULT_SWITCH says what: f full, r
 * read-only, s slow, anything else nothing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile const char *mode;
static const char *below;
static long ahead;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_SWITCH"), *clock = getenv("FAULT_CLOCK");
    below = getenv("FAULT_BELOW");
    ahead = clock ? atol(clock) : 0;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *seen = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    if (seen != MAP_FAILED) mode = seen;
    close(fd);
}

static int is_ours(int fd) {
    char link[32], path[4096];
    if (!below) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, below, strlen(below)) == 0;
}

static int fails(int fd) {
    char now = mode ? *mode : 0;
    if ((now != 'f' && now != 'r') || !is_ours(fd)) return 0;
    errno = now == 'f' ? ENOSPC : EROFS;
    return 1;
}

static void dawdle(int fd) {
    if (mode && *mode == 's' && is_ours(fd)) usleep(200000);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *from, size_t size) {
    return fails(fd) ? -1 : NEXT(write)(fd, from, size);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    return fails(fd) ? -1 : NEXT(pwrite)(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    return fails(fd) ? -1 : NEXT(pwrite64)(fd, from, size, at);
}
int ftruncate(int fd, off_t size) {
    return fails(fd) ? -1 : NEXT(ftruncate)(fd, size);
}
int ftruncate64(int fd, off64_t size) {
    return fails(fd) ? -1 : NEXT(ftruncate64)(fd, size);
}
int fsync(int fd) {
    dawdle(fd);
    return NEXT(fsync)(fd);
}
int fdatasync(int fd) {
    dawdle(fd);
    return NEXT(fdatasync)(fd);
}
int clock_gettime(clockid_t which, struct timespec *now) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = NEXT(clock_gettime);
    int said = real(which, now);
    if (said == 0 && which == CLOCK_REALTIME) now->tv_sec += ahead;
    return said;
}

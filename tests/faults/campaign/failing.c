/* Loaded before the C library: makes the k-th call of a kind fail, among the calls of some processes on files below a
 * folder. The calls of all these processes are counted together, in a file that they share.
 *
 * FAULT_ROOT: the folder. FAULT_ONLY: a word in the command lines of the processes. FAULT_COUNT: the file, 8 bytes.
 * FAULT_CALL: open, read, write, fsync, rename or link. FAULT_AT: k, from 1; 0 only counts.
 * FAULT_HOW: an errno as a number, `short` (half of what is to be written is), or `kill` (SIGKILL to the process).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile uint64_t *counter;
static uint64_t fail_at;
static int how; /* an errno; -1: short, -2: kill */
static char root[PATH_MAX], call[16];

__attribute__((constructor)) static void begin(void)
{
    const char *only = getenv("FAULT_ONLY"), *file = getenv("FAULT_COUNT"), *given = getenv("FAULT_HOW");
    char words[4096];
    long length;
    int handle;
    if (!only || !file || !given || !getenv("FAULT_ROOT") || !getenv("FAULT_CALL") || !getenv("FAULT_AT"))
        return;
    handle = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
    length = syscall(SYS_read, handle, words, sizeof words - 1);
    syscall(SYS_close, handle);
    if (length <= 0)
        return;
    for (long i = 0; i < length; i++)
        if (!words[i])
            words[i] = ' ';
    words[length] = 0;
    if (!strstr(words, only))
        return;
    snprintf(root, sizeof root, "%s/", getenv("FAULT_ROOT"));
    snprintf(call, sizeof call, "%s", getenv("FAULT_CALL"));
    fail_at = strtoull(getenv("FAULT_AT"), NULL, 10);
    how = !strcmp(given, "short") ? -1 : !strcmp(given, "kill") ? -2 : atoi(given);
    handle = syscall(SYS_openat, AT_FDCWD, file, O_RDWR);
    counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    syscall(SYS_close, handle);
    if (counter == MAP_FAILED)
        counter = NULL;
}

static int is_below(const char *path)
{
    return !strncmp(path, root, strlen(root));
}

static int is_file_below(int handle)
{
    char name[64], path[PATH_MAX + 1];
    long length;
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    length = syscall(SYS_readlinkat, AT_FDCWD, name, path, PATH_MAX);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_below(path);
}

static int is_path_below(int folder, const char *path)
{
    char here[PATH_MAX + 1];
    if (path[0] == '/')
        return is_below(path);
    if (folder != AT_FDCWD)
        return is_file_below(folder);
    if (!getcwd(here, PATH_MAX - 1))
        return 0;
    strcat(here, "/");
    return is_below(here);
}

/* Whether this call fails: 0, an errno, or -1 for a short one. A call of another kind, or elsewhere, does not count. */
static int verdict(const char *kind, int concerned)
{
    if (!counter || !concerned || strcmp(kind, call))
        return 0;
    if (__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST) != fail_at)
        return 0;
    if (how == -2)
        kill(getpid(), SIGKILL);
    return how;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define COUNTED(kind) (counter && !strcmp(kind, call))
#define FAIL(kind, concerned)                                                                                          \
    do {                                                                                                               \
        if (COUNTED(kind)) {                                                                                           \
            int found = verdict(kind, concerned);                                                                      \
            if (found > 0) {                                                                                           \
                errno = found;                                                                                         \
                return -1;                                                                                             \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        FAIL("open", is_path_below(AT_FDCWD, path));                                                                   \
        return REAL(name)(path, flags, mode);                                                                          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int folder, const char *path, int flags, ...)                                                             \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        FAIL("open", is_path_below(folder, path));                                                                     \
        return REAL(name)(folder, path, flags, mode);                                                                  \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t read(int handle, void *data, size_t size)
{
    FAIL("read", is_file_below(handle));
    return REAL(read)(handle, data, size);
}

ssize_t pread64(int handle, void *data, size_t size, off64_t offset)
{
    FAIL("read", is_file_below(handle));
    return REAL(pread64)(handle, data, size, offset);
}

ssize_t write(int handle, const void *data, size_t size)
{
    if (COUNTED("write")) {
        int found = verdict("write", is_file_below(handle));
        if (found > 0) {
            errno = found;
            return -1;
        }
        if (found == -1 && size > 1)
            size /= 2;
    }
    return REAL(write)(handle, data, size);
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t size)
{
    FAIL("write", is_file_below(to));
    return REAL(sendfile64)(to, from, offset, size);
}

ssize_t copy_file_range(int from, off64_t *start, int to, off64_t *place, size_t size, unsigned flags)
{
    FAIL("write", is_file_below(to));
    return REAL(copy_file_range)(from, start, to, place, size, flags);
}

int fsync(int handle)
{
    FAIL("fsync", is_file_below(handle));
    return REAL(fsync)(handle);
}

int fdatasync(int handle)
{
    FAIL("fsync", is_file_below(handle));
    return REAL(fdatasync)(handle);
}

int rename(const char *from, const char *to)
{
    FAIL("rename", is_path_below(AT_FDCWD, to));
    return REAL(rename)(from, to);
}

int renameat(int there, const char *from, int here, const char *to)
{
    FAIL("rename", is_path_below(here, to));
    return REAL(renameat)(there, from, here, to);
}

int link(const char *from, const char *to)
{
    FAIL("link", is_path_below(AT_FDCWD, to));
    return REAL(link)(from, to);
}

int linkat(int there, const char *from, int here, const char *to, int flags)
{
    FAIL("link", is_path_below(here, to));
    return REAL(linkat)(there, from, here, to, flags);
}

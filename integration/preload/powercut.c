/* A disk that tells what was done to it: preloaded into a process, it writes every change of a folder into a trace, in
 * their order, so that a test can build the folder again as a power cut might have left it. Syncs fail on request, and
 * the process dies on request, at a chosen change.
 *
 * POWERCUT_FOLDER  changes below it (and of itself) are traced
 * POWERCUT_TRACE   the trace's file
 * POWERCUT_DIE_AT  before this change (counted from 1) the process is killed
 * POWERCUT_EIO_AT  from this sync on (counted from 1) …
 * POWERCUT_EIO_N   … so many syncs fail with EIO (default 1)
 *
 * A record is: kind (1 byte), inode (8), offset (8), lengths of two texts (4 + 4), the texts; little-endian as the
 * machine is. It is written after the change was made, under one lock for all: what a record says has happened, and
 * what has happened without a record was never reported to the program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char folder[4096];
static size_t folder_length;
static int trace_fd = -1;
static long changes, die_at, syncs, eio_at, eio_n = 1;
/* Inode behind each descriptor of ours; 0 for others. */
static uint64_t inodes[FDS];
static unsigned char appends[FDS];

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) abort();
    return symbol;
}

static void raw_write(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = REAL(write)(trace_fd, at, length);
        if (written < 0) {
            if (errno == EINTR) continue;
            abort();
        }
        at += written;
        length -= (size_t)written;
    }
}

static void record(char kind, uint64_t inode, uint64_t offset, const void *a, size_t a_length, const void *b,
                   size_t b_length) {
    unsigned char head[25];
    uint32_t first = (uint32_t)a_length, second = (uint32_t)b_length;
    head[0] = (unsigned char)kind;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, &first, 4);
    memcpy(head + 21, &second, 4);
    raw_write(head, sizeof head);
    if (a_length) raw_write(a, a_length);
    if (b_length) raw_write(b, b_length);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWERCUT_FOLDER"), *trace = getenv("POWERCUT_TRACE"), *number;
    if (!path || !trace || strlen(path) >= sizeof folder) return;
    strcpy(folder, path);
    folder_length = strlen(folder);
    if ((number = getenv("POWERCUT_DIE_AT"))) die_at = atol(number);
    if ((number = getenv("POWERCUT_EIO_AT"))) eio_at = atol(number);
    if ((number = getenv("POWERCUT_EIO_N"))) eio_n = atol(number);
    trace_fd = REAL(open)(trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (trace_fd < 0) abort();
}

static int is_ours(const char *path) {
    return trace_fd >= 0 && path && strncmp(path, folder, folder_length) == 0 &&
           (path[folder_length] == '/' || path[folder_length] == 0);
}

static uint64_t inode_of(int fd) { return trace_fd >= 0 && fd >= 0 && fd < FDS ? inodes[fd] : 0; }

/* A change is about to be made. */
static void change(void) {
    if (die_at && ++changes >= die_at) kill(getpid(), SIGKILL);
}

static int opened(const char *path, int flags, mode_t mode, int (*open_it)(const char *, int, mode_t)) {
    if (!is_ours(path)) return open_it(path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat before, now;
    int was_there = lstat(path, &before) == 0;
    if ((flags & O_CREAT && !was_there) || flags & O_TRUNC) change();
    int fd = open_it(path, flags, mode);
    int error = errno;
    if (fd >= 0 && fd < FDS && fstat(fd, &now) == 0) {
        inodes[fd] = now.st_ino;
        appends[fd] = (flags & O_APPEND) != 0;
        record(was_there ? 'o' : 'c', now.st_ino, 0, path, strlen(path), NULL, 0);
        if (was_there && flags & O_TRUNC && S_ISREG(before.st_mode) && before.st_size > 0)
            record('t', now.st_ino, 0, NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

static int open_really(const char *path, int flags, mode_t mode) { return REAL(open64)(path, flags, mode); }

#define MODE                                       \
    mode_t mode = 0;                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {         \
        va_list rest;                              \
        va_start(rest, flags);                     \
        mode = (mode_t)va_arg(rest, int);          \
        va_end(rest);                              \
    }

int open(const char *path, int flags, ...) { MODE return opened(path, flags, mode, open_really); }
int open64(const char *path, int flags, ...) { MODE return opened(path, flags, mode, open_really); }
int openat(int at, const char *path, int flags, ...) {
    MODE
    if (is_ours(path)) return opened(path, flags, mode, open_really);
    return REAL(openat)(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    MODE
    if (is_ours(path)) return opened(path, flags, mode, open_really);
    return REAL(openat64)(at, path, flags, mode);
}

int close(int fd) {
    if (!inode_of(fd)) return REAL(close)(fd);
    pthread_mutex_lock(&lock);
    inodes[fd] = 0;
    int result = REAL(close)(fd);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static off64_t position(int fd) {
    struct stat now;
    if (appends[fd]) return fstat(fd, &now) == 0 ? now.st_size : 0;
    return lseek64(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(write)(fd, bytes, length);
    pthread_mutex_lock(&lock);
    change();
    off64_t at = position(fd);
    ssize_t written = REAL(write)(fd, bytes, length);
    int error = errno;
    if (written > 0) record('w', inode, (uint64_t)at, bytes, (size_t)written, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!inode_of(fd)) return REAL(writev)(fd, parts, count);
    /* Fewer bytes than asked for are allowed. */
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len > 0) return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(pwrite64)(fd, bytes, length, at);
    pthread_mutex_lock(&lock);
    change();
    ssize_t written = REAL(pwrite64)(fd, bytes, length, at);
    int error = errno;
    if (written > 0) record('w', inode, (uint64_t)at, bytes, (size_t)written, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

int ftruncate64(int fd, off64_t length) {
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(ftruncate64)(fd, length);
    pthread_mutex_lock(&lock);
    change();
    int result = REAL(ftruncate64)(fd, length);
    int error = errno;
    if (result == 0) record('t', inode, (uint64_t)length, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Allocation changes a file's length, and nothing else that a reader sees. */
int fallocate64(int fd, int mode, off64_t at, off64_t length) {
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(fallocate64)(fd, mode, at, length);
    if (mode != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    pthread_mutex_lock(&lock);
    change();
    struct stat now;
    int result = REAL(fallocate64)(fd, mode, at, length);
    int error = errno;
    if (result == 0 && fstat(fd, &now) == 0) record('t', inode, (uint64_t)now.st_size, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int fallocate(int fd, int mode, off_t at, off_t length) { return fallocate64(fd, mode, at, length); }
int posix_fallocate64(int fd, off64_t at, off64_t length) { return fallocate64(fd, 0, at, length) == 0 ? 0 : errno; }
int posix_fallocate(int fd, off_t at, off_t length) { return posix_fallocate64(fd, at, length); }

static int synced(int fd, int (*sync_it)(int)) {
    uint64_t inode = inode_of(fd);
    if (!inode) return sync_it(fd);
    pthread_mutex_lock(&lock);
    change();
    int result, error;
    if (eio_at && ++syncs >= eio_at && syncs < eio_at + eio_n) {
        /* As on Linux: what was not written is forgotten, and the next sync knows nothing of it. */
        record('e', inode, 0, NULL, 0, NULL, 0);
        result = -1;
        error = EIO;
    } else {
        result = sync_it(fd);
        error = errno;
        if (result == 0) record('s', inode, 0, NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

int rename(const char *from, const char *to) {
    if (!is_ours(from) && !is_ours(to)) return REAL(rename)(from, to);
    pthread_mutex_lock(&lock);
    change();
    int result = REAL(rename)(from, to);
    int error = errno;
    if (result == 0) record('r', 0, 0, from, strlen(from), to, strlen(to));
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int renameat(int a, const char *from, int b, const char *to) {
    return is_ours(from) ? rename(from, to) : REAL(renameat)(a, from, b, to);
}

int unlink(const char *path) {
    if (!is_ours(path)) return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    change();
    int result = REAL(unlink)(path);
    int error = errno;
    if (result == 0) record('u', 0, 0, path, strlen(path), NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int unlinkat(int at, const char *path, int flags) {
    return is_ours(path) && flags == 0 ? unlink(path) : REAL(unlinkat)(at, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    if (!is_ours(path)) return REAL(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    change();
    int result = REAL(mkdir)(path, mode);
    int error = errno;
    struct stat now;
    if (result == 0 && stat(path, &now) == 0) record('d', now.st_ino, 0, path, strlen(path), NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

/* Ways round the trace: none is used; whoever begins to use one learns of it here. */
static int refuse(void) {
    errno = EOPNOTSUPP;
    return -1;
}
int link(const char *from, const char *to) { return is_ours(from) || is_ours(to) ? refuse() : REAL(link)(from, to); }
int symlink(const char *from, const char *to) { return is_ours(to) ? refuse() : REAL(symlink)(from, to); }
int truncate64(const char *path, off64_t length) { return is_ours(path) ? refuse() : REAL(truncate64)(path, length); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    return inode_of(fd) ? refuse() : REAL(pwritev)(fd, parts, count, at);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t at) {
    if (inode_of(fd) && protection & PROT_WRITE && flags & MAP_SHARED) {
        errno = EOPNOTSUPP;
        return MAP_FAILED;
    }
    return REAL(mmap64)(address, length, protection, flags, fd, at);
}

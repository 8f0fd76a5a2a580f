/*
 * A host with faults, for LD_PRELOAD below a node of the tests: a wall clock that is wrong, a disk
 * that is slow, and a disk that keeps nothing it was not told to sync.
 *
 * $PBX_HOST is a directory. `faults` in it holds two 64-bit numbers, read at each use: nanoseconds
 * that the wall clock is ahead, microseconds that a sync takes longer. `undo` takes what a power
 * cut has to put back: before each write to a file below $PBX_HOST_DATA what was there, and after
 * each sync that it is safe. power-cut.ts reads it. Directories (names, removals) count as synced.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000L
#define FILES_MAX 256
#define EXPORTED __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))next_of(#name))

struct faults { volatile int64_t ahead_ns; volatile int64_t sync_us; };
enum { WRITTEN = 1, SYNCED = 2 };
/* Followed by the path of `path_length` bytes, and by the `length` bytes that were there. */
struct record { int64_t kind, inode, offset, length, size, path_length; };

static struct faults none;
static struct faults *faults = &none;
static const char *data;
static int undo = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { ino_t inode; int unsynced; } files[FILES_MAX];
static int unsynced_files;

static void *next_of(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  const char *directory = getenv("PBX_HOST");
  char path[4096];
  if (directory == NULL) return;
  data = getenv("PBX_HOST_DATA");
  snprintf(path, sizeof path, "%s/faults", directory);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    void *mapped = mmap(NULL, sizeof *faults, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) faults = mapped;
    close(file);
  }
  snprintf(path, sizeof path, "%s/undo", directory);
  /* Made by the test for the one process that has the data: its helpers have other programs. */
  if (data != NULL) undo = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

/* ---- the wall clock ---- */

EXPORTED int clock_gettime(clockid_t id, struct timespec *out) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = REAL(clock_gettime);
  int result = real(id, out);
  if (result != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return result;
  int64_t at = out->tv_sec * NS + out->tv_nsec + faults->ahead_ns;
  out->tv_sec = at / NS;
  out->tv_nsec = at % NS;
  return 0;
}

EXPORTED int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

EXPORTED time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

/* ---- the disk ---- */

static void put(const void *bytes, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (real == NULL) real = REAL(write);
  if (real(undo, bytes, length) != (ssize_t)length) abort();
}

/* Under the lock: where the file is in the table, -1 when it is no file of the data. */
static int place_of(int fd, struct stat *what, char *path) {
  if (undo < 0 || fd == undo || fstat(fd, what) != 0 || !S_ISREG(what->st_mode)) return -1;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, 4095);
  if (length < 0) return -1;
  path[length] = 0;
  /* A map of shared memory is made anew after a power cut. */
  if (strncmp(path, data, strlen(data)) != 0 || strstr(path, "-shm") != NULL) return -1;
  for (int at = 0; at < FILES_MAX; at++) {
    if (files[at].inode == 0) files[at].inode = what->st_ino;
    if (files[at].inode == what->st_ino) return at;
  }
  abort();
}

/* Before `length` bytes at `offset` change; `length` below 0: before it is cut at `offset`. */
static void keep(int fd, off_t offset, ssize_t length) {
  if (undo < 0) return;
  static ssize_t (*real)(int, void *, size_t, off_t);
  struct stat what;
  char path[4096];
  pthread_mutex_lock(&lock);
  if (real == NULL) real = REAL(pread);
  int at = place_of(fd, &what, path);
  if (at >= 0) {
    if (offset < 0) offset = what.st_size;
    off_t end = length < 0 || offset + length > what.st_size ? what.st_size : offset + length;
    struct record record = {WRITTEN, what.st_ino, offset, end > offset ? end - offset : 0,
                            what.st_size, strlen(path)};
    char *before = malloc(record.length + 1);
    /* A file that is open for writing only is opened once more. */
    ssize_t got = record.length > 0 ? real(fd, before, record.length, offset) : 0;
    if (got < 0) {
      int again = open(path, O_RDONLY | O_CLOEXEC);
      got = real(again, before, record.length, offset);
      close(again);
    }
    if (got != record.length) abort();
    put(&record, sizeof record);
    put(path, record.path_length);
    put(before, record.length);
    free(before);
    if (!files[at].unsynced) unsynced_files++;
    files[at].unsynced = 1;
  }
  pthread_mutex_unlock(&lock);
}

/* After a sync that went well. */
static void settle(int fd) {
  if (undo < 0) return;
  struct stat what;
  char path[4096];
  pthread_mutex_lock(&lock);
  int at = place_of(fd, &what, path);
  if (at >= 0 && files[at].unsynced) {
    files[at].unsynced = 0;
    struct record record = {SYNCED, what.st_ino, 0, 0, 0, 0};
    put(&record, sizeof record);
    /* Nothing is left to undo: so that it stays short. */
    if (--unsynced_files == 0) REAL(ftruncate)(undo, 0);
  }
  pthread_mutex_unlock(&lock);
}

static void linger(void) {
  int64_t us = faults->sync_us;
  struct timespec wait = {us / 1000000, us % 1000000 * 1000};
  if (us > 0) nanosleep(&wait, NULL);
}

EXPORTED int fsync(int fd) {
  linger();
  int result = REAL(fsync)(fd);
  if (result == 0) settle(fd);
  return result;
}

EXPORTED int fdatasync(int fd) {
  linger();
  int result = REAL(fdatasync)(fd);
  if (result == 0) settle(fd);
  return result;
}

EXPORTED ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (real == NULL) real = REAL(pwrite64);
  keep(fd, offset, length);
  return real(fd, bytes, length, offset);
}

EXPORTED ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}

EXPORTED ssize_t write(int fd, const void *bytes, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (real == NULL) real = REAL(write);
  if (undo >= 0 && fd > 2) {
    int before = errno;
    off_t at = fcntl(fd, F_GETFL) & O_APPEND ? -1 : lseek(fd, 0, SEEK_CUR);
    /* A socket or a pipe has no place. */
    if (at >= 0 || errno != ESPIPE) keep(fd, at, length);
    errno = before;
  }
  return real(fd, bytes, length);
}

EXPORTED int ftruncate64(int fd, off64_t length) {
  keep(fd, length, -1);
  return REAL(ftruncate64)(fd, length);
}

EXPORTED int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

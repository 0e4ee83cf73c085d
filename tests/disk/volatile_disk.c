/* A disk that loses what was not synced: a library for LD_PRELOAD, used by tests/src/volatile_disk.rs.
 *
 * For each file below VOLATILE_DISK it keeps in VOLATILE_DISK_STATE, named after the inode:
 *   <inode>.path     the path of the file
 *   <inode>.disk     the content that survives a power cut
 *   <inode>.pending  the ranges that were written since the last sync: pairs of 64-bit numbers, offset and length
 * A successful sync copies the pending ranges to the disk. If VOLATILE_DISK_FAILS is N, about one in N syncs fails, and
 * its ranges never reach the disk although the file shows them, as on Linux: the kernel drops them from its list.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);

__attribute__((constructor)) static void find_functions(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
  srandom((unsigned)getpid());
}

static void stop(const char *what) {
  fprintf(stderr, "volatile_disk: %s: %s\n", what, strerror(errno));
  abort();
}

static void write_all(int fd, const void *bytes, size_t length) {
  if (real_write(fd, bytes, length) != (ssize_t)length) stop("write");
}

/* The name of a state file of the inode. */
static void state_file(char *name, size_t size, ino_t inode, const char *ending) {
  snprintf(name, size, "%s/%ju.%s", getenv("VOLATILE_DISK_STATE"), (uintmax_t)inode, ending);
}

/* Whether the file is on the volatile disk. Writes its path. The index of the WAL is memory that a restart clears. */
static int is_volatile(int fd, struct stat *status, char *path, size_t size) {
  const char *root = getenv("VOLATILE_DISK");
  char link[64];
  if (!root || fstat(fd, status) || !S_ISREG(status->st_mode)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, root, strlen(root)) == 0 && (length < 4 || strcmp(path + length - 4, "-shm"));
}

/* Copies a range of a file to its disk. A range behind the end is skipped. */
static void copy(int from, int to, off_t offset, off_t length) {
  char block[65536];
  while (length > 0) {
    size_t part = length < (off_t)sizeof block ? (size_t)length : sizeof block;
    ssize_t read = pread(from, block, part, offset);
    if (read <= 0) return;
    if (real_pwrite(to, block, (size_t)read, offset) != read) stop("pwrite");
    offset += read;
    length -= read;
  }
}

/* Opens the file for reading. The descriptor of the program may be for writing only. */
static int open_to_read(int fd) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int file = open(link, O_RDONLY | O_CLOEXEC);
  if (file < 0) stop("open");
  return file;
}

/* At the first write, everything that is in the file is on the disk. */
static void begin(int fd, const struct stat *status, const char *path) {
  char name[4096];
  state_file(name, sizeof name, status->st_ino, "path");
  int known = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (known < 0) return;
  state_file(name, sizeof name, status->st_ino, "disk");
  int disk = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (disk < 0) stop("open");
  int file = open_to_read(fd);
  copy(file, disk, 0, status->st_size);
  close(file);
  close(disk);
  write_all(known, path, strlen(path));
  close(known);
}

static void add_pending(ino_t inode, uint64_t offset, uint64_t length) {
  char name[4096];
  uint64_t range[2] = {offset, length};
  state_file(name, sizeof name, inode, "pending");
  int pending = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (pending < 0) stop("open");
  write_all(pending, range, sizeof range);
  close(pending);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  struct stat status;
  char path[4096];
  if (!is_volatile(fd, &status, path, sizeof path)) return real_pwrite(fd, bytes, length, offset);
  pthread_mutex_lock(&lock);
  begin(fd, &status, path);
  add_pending(status.st_ino, (uint64_t)offset, length);
  ssize_t written = real_pwrite(fd, bytes, length, offset);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return pwrite(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
  struct stat status;
  char path[4096];
  if (!is_volatile(fd, &status, path, sizeof path)) return real_write(fd, bytes, length);
  pthread_mutex_lock(&lock);
  begin(fd, &status, path);
  off_t offset = fcntl(fd, F_GETFL) & O_APPEND ? status.st_size : lseek(fd, 0, SEEK_CUR);
  add_pending(status.st_ino, (uint64_t)offset, length);
  ssize_t written = real_write(fd, bytes, length);
  pthread_mutex_unlock(&lock);
  return written;
}

int ftruncate(int fd, off_t size) {
  struct stat status;
  char path[4096];
  if (!is_volatile(fd, &status, path, sizeof path)) return real_ftruncate(fd, size);
  pthread_mutex_lock(&lock);
  begin(fd, &status, path);
  int result = real_ftruncate(fd, size);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static void sync_ranges(int fd, const struct stat *status, int pending) {
  char name[4096];
  uint64_t range[2];
  state_file(name, sizeof name, status->st_ino, "disk");
  int disk = open(name, O_WRONLY | O_CLOEXEC);
  if (disk < 0) stop("open");
  int file = open_to_read(fd);
  while (read(pending, range, sizeof range) == sizeof range) copy(file, disk, (off_t)range[0], (off_t)range[1]);
  if (real_ftruncate(disk, status->st_size)) stop("ftruncate");
  close(file);
  close(disk);
}

int fdatasync(int fd) {
  struct stat status;
  char path[4096], name[4096];
  if (!is_volatile(fd, &status, path, sizeof path)) return real_fdatasync(fd);
  const char *fails = getenv("VOLATILE_DISK_FAILS");
  pthread_mutex_lock(&lock);
  begin(fd, &status, path);
  int fault = fails && random() % atoi(fails) == 0;
  state_file(name, sizeof name, status.st_ino, "pending");
  int pending = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (pending < 0) stop("open");
  if (!fault) sync_ranges(fd, &status, pending);
  if (real_ftruncate(pending, 0)) stop("ftruncate");
  close(pending);
  pthread_mutex_unlock(&lock);
  if (fault) errno = EIO;
  return fault ? -1 : 0;
}

int fsync(int fd) { return fdatasync(fd); }

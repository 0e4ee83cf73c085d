/* A disk on which each sync takes SLOW_DISK_MICROSECONDS longer: a library for LD_PRELOAD, used by tests/src/slow_disk.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int (*real_fdatasync)(int);

__attribute__((constructor)) static void find_functions(void) { real_fdatasync = dlsym(RTLD_NEXT, "fdatasync"); }

int fdatasync(int fd) {
  const char *delay = getenv("SLOW_DISK_MICROSECONDS");
  if (delay) usleep((useconds_t)atoi(delay));
  return real_fdatasync(fd);
}

int fsync(int fd) { return fdatasync(fd); }

// Moves the wall clock of one process by the milliseconds that a file holds, also while it runs.
// Loaded by LD_PRELOAD; CLOCK_LEVER names the file. Timed waits keep to the real clock: what
// waits until a wall time sticks, as it would if the clock were set back during the wait.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *lever;

__attribute__((constructor)) static void find_lever(void) {
  const char *path = getenv("CLOCK_LEVER");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, sizeof *lever, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) lever = page;
}

int clock_gettime(clockid_t clock, struct timespec *result) {
  if (syscall(SYS_clock_gettime, clock, result) != 0) return -1;
  if (lever && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t moved = (int64_t)result->tv_sec * 1000 + result->tv_nsec / 1000000
      + atomic_load(lever);
    result->tv_sec = moved / 1000;
    result->tv_nsec = moved % 1000 * 1000000 + result->tv_nsec % 1000000;
  }
  return 0;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  result->tv_sec = now.tv_sec;
  result->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

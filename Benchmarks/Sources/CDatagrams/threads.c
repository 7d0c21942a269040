#define _GNU_SOURCE
#include "CDatagrams.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

int lg_watch_create(void) {
  const int result = epoll_create1(EPOLL_CLOEXEC);
  return result >= 0 ? result : -errno;
}

int lg_watch(int watch, int socket, uint32_t number, int wants_write) {
  struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0),
                              .data = {.u32 = number}};
  int result = epoll_ctl(watch, EPOLL_CTL_MOD, socket, &event);
  if (result < 0 && errno == ENOENT) { result = epoll_ctl(watch, EPOLL_CTL_ADD, socket, &event); }
  return result >= 0 ? 0 : -errno;
}

int lg_wait(int watch, uint32_t *numbers, int count, int64_t nanoseconds) {
  struct epoll_event events[LG_INCOMING];
  if (count > LG_INCOMING) { count = LG_INCOMING; }
  const struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  const int result = epoll_pwait2(watch, events, count, &limit, NULL);
  if (result < 0) { return errno == EINTR ? 0 : -errno; }
  for (int index = 0; index < result; index++) { numbers[index] = events[index].data.u32; }
  return result;
}

int lg_free(int thread, const int *cores, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int index = 0; index < count; index++) { CPU_SET(cores[index], &set); }
  return sched_setaffinity(thread, sizeof set, &set) == 0 ? 0 : -errno;
}

int lg_pin(int thread, int core) { return lg_free(thread, &core, 1); }

int lg_cores(int *cores, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) { return -errno; }
  int found = 0;
  for (int core = 0; core < CPU_SETSIZE && found < count; core++) {
    if (CPU_ISSET(core, &set)) { cores[found++] = core; }
  }
  return found;
}

void lg_exact_timeouts(void) { prctl(PR_SET_TIMERSLACK, 1); }

void lg_yield(void) { sched_yield(); }

void lg_sleep(int64_t nanoseconds) {
  const struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  nanosleep(&limit, NULL);
}

int64_t lg_thread_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

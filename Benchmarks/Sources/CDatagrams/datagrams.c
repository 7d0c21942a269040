#define _GNU_SOURCE
#include "CDatagrams.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LG_SOCKETS 1024

int lg_connect(const char *host, uint16_t port, int is_stream, int buffer_bytes) {
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                           .ai_socktype = is_stream ? SOCK_STREAM : SOCK_DGRAM};
  struct addrinfo *found = NULL;
  if (getaddrinfo(host, service, &hints, &found) != 0) { return -EINVAL; }
  const int result = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
  if (result >= 0) {
    setsockopt(result, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    setsockopt(result, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
  }
  const int is_connected =
      result >= 0 && connect(result, found->ai_addr, found->ai_addrlen) == 0;
  const int reason = errno;
  freeaddrinfo(found);
  if (!is_connected) {
    if (result >= 0) { close(result); }
    return -reason;
  }
  const int on = 1;
  if (is_stream) { setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); }
  fcntl(result, F_SETFL, O_NONBLOCK);
  return result;
}

static void lg_headers(struct mmsghdr *messages, struct iovec *parts, int count) {
  memset(messages, 0, sizeof *messages * (size_t)count);
  for (int index = 0; index < count; index++) {
    messages[index].msg_hdr.msg_iov = &parts[index];
    messages[index].msg_hdr.msg_iovlen = 1;
  }
}

int lg_send(int socket, const uint8_t *base, const uint64_t *offsets, const uint32_t *lengths,
            int count) {
  struct mmsghdr messages[LG_BATCH];
  struct iovec parts[LG_BATCH];
  if (count > LG_BATCH) { count = LG_BATCH; }
  for (int index = 0; index < count; index++) {
    parts[index] = (struct iovec){(void *)(base + offsets[index]), lengths[index]};
  }
  lg_headers(messages, parts, count);
  int result;
  do {
    result = sendmmsg(socket, messages, (unsigned)count, 0);
  } while (result < 0 && errno == EINTR);
  if (result >= 0) { return result; }
  return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
}

int lg_receive(int socket, uint8_t *buffer, uint32_t stride, uint32_t *lengths, int count) {
  struct mmsghdr messages[LG_BATCH];
  struct iovec parts[LG_BATCH];
  if (count > LG_BATCH) { count = LG_BATCH; }
  for (int index = 0; index < count; index++) {
    parts[index] = (struct iovec){buffer + (size_t)index * stride, stride};
  }
  lg_headers(messages, parts, count);
  int result;
  do {
    result = recvmmsg(socket, messages, (unsigned)count, MSG_DONTWAIT, NULL);
  } while (result < 0 && errno == EINTR);
  if (result < 0) { return errno == EAGAIN ? 0 : -errno; }
  for (int index = 0; index < result; index++) { lengths[index] = messages[index].msg_len; }
  return result;
}

int64_t lg_write(int socket, const uint8_t *bytes, size_t count) {
  ssize_t result;
  do { result = send(socket, bytes, count, MSG_NOSIGNAL); } while (result < 0 && errno == EINTR);
  if (result >= 0) { return result; }
  return errno == EAGAIN ? 0 : -errno;
}

int64_t lg_read(int socket, uint8_t *bytes, size_t count) {
  ssize_t result;
  do { result = recv(socket, bytes, count, 0); } while (result < 0 && errno == EINTR);
  return result >= 0 ? result : -errno;
}

void lg_wait(const int *sockets, const uint8_t *wants_write, int count, int64_t nanoseconds) {
  struct pollfd watched[LG_SOCKETS];
  if (count > LG_SOCKETS) { count = LG_SOCKETS; }
  for (int index = 0; index < count; index++) {
    const short events = wants_write[index] ? POLLIN | POLLOUT : POLLIN;
    watched[index] = (struct pollfd){.fd = sockets[index], .events = events};
  }
  const struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  ppoll(watched, (nfds_t)count, &limit, NULL);
}

int64_t lg_thread_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

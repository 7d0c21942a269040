#define _GNU_SOURCE
#include "CDatagrams.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

int lg_can_segment(int socket, uint32_t length) {
  int size = (int)length;
  if (setsockopt(socket, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) != 0) { return 0; }
  size = 0;
  return setsockopt(socket, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) == 0;
}

/// The frames as parts of messages.
static void lg_parts(struct iovec *parts, struct lg_frames frames, const uint32_t *numbers,
                     int count) {
  for (int index = 0; index < count; index++) {
    uint8_t *start = (uint8_t *)frames.base + numbers[index] * frames.stride;
    parts[index] = (struct iovec){start, frames.length};
  }
}

int lg_send(int socket, struct lg_frames frames, const uint32_t *numbers, int count, int group) {
  struct iovec parts[LG_OUTGOING];
  struct mmsghdr messages[LG_OUTGOING];
  if (count > LG_OUTGOING) { count = LG_OUTGOING; }
  lg_parts(parts, frames, numbers, count);
  // The same for every message, because it says nothing but the length.
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(uint16_t)),
                          .cmsg_level = IPPROTO_UDP,
                          .cmsg_type = UDP_SEGMENT}};
  const uint16_t length = (uint16_t)frames.length;
  memcpy(CMSG_DATA(&control.header), &length, sizeof length);
  int used = 0;
  for (int first = 0; first < count; first += group) {
    const int rest = count - first;
    const int share = rest < group ? rest : group;
    messages[used] = (struct mmsghdr){
        .msg_hdr = {.msg_iov = &parts[first], .msg_iovlen = (size_t)share}};
    if (share > 1) {
      messages[used].msg_hdr.msg_control = &control;
      messages[used].msg_hdr.msg_controllen = sizeof control;
    }
    used++;
  }
  int result;
  do {
    result = sendmmsg(socket, messages, (unsigned)used, 0);
  } while (result < 0 && errno == EINTR);
  if (result >= 0) { return result == used ? count : result * group; }
  // A service that is not there yet, or no more, answers a datagram with ECONNREFUSED.
  return errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED ? 0 : -errno;
}

int64_t lg_write(int socket, struct lg_frames frames, const uint32_t *numbers, int count,
                 uint32_t skip) {
  struct iovec parts[LG_OUTGOING];
  if (count > LG_OUTGOING) { count = LG_OUTGOING; }
  lg_parts(parts, frames, numbers, count);
  parts[0].iov_base = (uint8_t *)parts[0].iov_base + skip;
  parts[0].iov_len -= skip;
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
  ssize_t result;
  do { result = sendmsg(socket, &message, MSG_NOSIGNAL); } while (result < 0 && errno == EINTR);
  if (result >= 0) { return result; }
  return errno == EAGAIN ? 0 : -errno;
}

struct lg_inbox {
  struct mmsghdr messages[LG_INCOMING];
  struct iovec parts[LG_INCOMING];
  uint8_t bytes[LG_INCOMING * LG_SLOT];
};

struct lg_inbox *lg_inbox_create(void) {
  struct lg_inbox *inbox = calloc(1, sizeof *inbox);
  if (inbox == NULL) { abort(); }
  for (int index = 0; index < LG_INCOMING; index++) {
    inbox->parts[index] = (struct iovec){inbox->bytes + (size_t)index * LG_SLOT, LG_SLOT};
    inbox->messages[index].msg_hdr.msg_iov = &inbox->parts[index];
    inbox->messages[index].msg_hdr.msg_iovlen = 1;
  }
  return inbox;
}

void lg_inbox_destroy(struct lg_inbox *inbox) { free(inbox); }

const uint8_t *lg_inbox_bytes(const struct lg_inbox *inbox) { return inbox->bytes; }

uint32_t lg_inbox_length(const struct lg_inbox *inbox, int index) {
  return inbox->messages[index].msg_len;
}

int lg_receive(int socket, struct lg_inbox *inbox) {
  int result;
  do {
    result = recvmmsg(socket, inbox->messages, LG_INCOMING, MSG_DONTWAIT, NULL);
  } while (result < 0 && errno == EINTR);
  if (result >= 0) { return result; }
  return errno == EAGAIN || errno == ECONNREFUSED ? 0 : -errno;
}

int64_t lg_read(int socket, uint8_t *bytes, size_t count) {
  ssize_t result;
  do { result = recv(socket, bytes, count, 0); } while (result < 0 && errno == EINTR);
  return result >= 0 ? result : -errno;
}

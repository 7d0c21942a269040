#ifndef WEIGHBRIDGE_CLIBUV_SHIM_H
#define WEIGHBRIDGE_CLIBUV_SHIM_H

// libuv as it is: loop, handles, requests.
#include <uv.h>

// `struct sockaddr`, `struct msghdr`, `getsockopt`.
#include <sys/socket.h>
// `SO_MEMINFO`.
#include <asm/socket.h>
// `SK_MEMINFO_VARS` and `SK_MEMINFO_DROPS`, the layout of what SO_MEMINFO answers.
#include <linux/sock_diag.h>
// The numbers of the system calls sendmmsg and recvmmsg.
#include <sys/syscall.h>
// `syscall`.
#include <unistd.h>
// `ioctl` and `FIONREAD`.
#include <sys/ioctl.h>
// `uint32_t`.
#include <stdint.h>

// `struct mmsghdr` of sendmmsg(2) and recvmmsg(2). glibc declares it only under _GNU_SOURCE, which
// Swift's view of glibc does not set and which a header that comes later can no longer set.
struct wb_mmsghdr {
  struct msghdr header;
  unsigned int length;
};

// sendmmsg(2): many datagrams in one system call. glibc hides it like the struct above.
static inline int wb_sendmmsg(int fd, struct wb_mmsghdr *messages, unsigned int count, int flags) {
  return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

// recvmmsg(2) without a time limit: up to `count` datagrams in one system call.
static inline int wb_recvmmsg(int fd, struct wb_mmsghdr *messages, unsigned int count, int flags) {
  return (int)syscall(SYS_recvmmsg, fd, messages, count, flags, NULL);
}

// The length of the datagram that waits first, 0 if none does, from FIONREAD of udp(7); 0, or -1
// with errno set. ioctl is variadic, which Swift cannot call.
static inline int wb_waiting_bytes(int fd, int *length) { return ioctl(fd, FIONREAD, length); }

// How many datagrams the kernel has dropped on this socket (modulo 2^32), from SO_MEMINFO of
// socket(7); 0, or -1 with errno set. The array is a macro-sized C array, which Swift cannot spell.
static inline int wb_socket_drops(int fd, uint32_t *drops) {
  uint32_t values[SK_MEMINFO_VARS] = {0};
  socklen_t length = sizeof(values);
  int result = getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &length);
  *drops = values[SK_MEMINFO_DROPS];
  return result;
}

#endif

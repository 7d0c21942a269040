/// What the load generator needs of the kernel and Glibc's module does not have: many frames in one
/// system call, waiting for many sockets, and threads on cores of their own.
/// Every function that can fail gives a negative errno then.
#ifndef WEIGHBRIDGE_CDATAGRAMS_H
#define WEIGHBRIDGE_CDATAGRAMS_H

#include <stddef.h>
#include <stdint.h>

/// Frames that leave in one call, at most.
#define LG_OUTGOING 512
/// Datagrams that come in one call, at most.
#define LG_INCOMING 64
/// Bytes of an incoming datagram, at most.
#define LG_SLOT 4096
/// Datagrams that the kernel cuts from one buffer (UDP_MAX_SEGMENTS), at most.
#define LG_SEGMENTS 64

// MARK: Sockets

/// Opens a socket that is connected to a numeric address: UDP, or TCP without Nagle's delay.
/// It never blocks once it is open. Both buffers get `buffer_bytes` where the kernel allows it.
int lg_connect(const char *host, uint16_t port, int is_stream, int buffer_bytes);

/// Whether the kernel cuts datagrams of this length from one buffer for this socket (UDP_SEGMENT,
/// since Linux 4.18). 1 or 0.
int lg_can_segment(int socket, uint32_t length);

/// Frames of one length in one block of memory: number `i` begins at `base + i * stride`.
struct lg_frames {
  const uint8_t *base;
  size_t stride;
  uint32_t length;
};

/// Sends frames as one datagram each, `group` of them in one buffer (1: each in its own).
/// Gives how many the kernel took.
int lg_send(int socket, struct lg_frames frames, const uint32_t *numbers, int count, int group);

/// Writes frames to a stream, the first one without its first `skip` bytes.
/// Gives how many bytes the kernel took, 0 while it is full.
int64_t lg_write(int socket, struct lg_frames frames, const uint32_t *numbers, int count,
                 uint32_t skip);

/// Memory for incoming datagrams: slot `i` begins at `i * LG_SLOT`.
struct lg_inbox;
struct lg_inbox *lg_inbox_create(void);
void lg_inbox_destroy(struct lg_inbox *inbox);
const uint8_t *lg_inbox_bytes(const struct lg_inbox *inbox);
/// Bytes of a received datagram.
uint32_t lg_inbox_length(const struct lg_inbox *inbox, int index);

/// Receives up to LG_INCOMING datagrams and gives how many; nothing to read is 0.
int lg_receive(int socket, struct lg_inbox *inbox);

/// Reads from a stream; nothing to read is -EAGAIN, its end 0.
int64_t lg_read(int socket, uint8_t *bytes, size_t count);

// MARK: Waiting

/// Sockets to wait for (epoll).
int lg_watch_create(void);
/// Adds a socket under a number, or changes whether it is watched for room to write.
int lg_watch(int watch, int socket, uint32_t number, int wants_write);
/// Waits until some of the sockets can be read or written, and gives how many.
int lg_wait(int watch, uint32_t *numbers, int count, int64_t nanoseconds);

// MARK: Threads

/// Puts a thread (0: the calling one) on one core. 0 if it is done.
int lg_pin(int thread, int core);
/// Lets a thread run on these cores. 0 if it is done.
int lg_free(int thread, const int *cores, int count);
/// Cores that the calling thread may run on, lowest first; gives how many.
int lg_cores(int *cores, int count);
/// Lets timeouts of the calling thread be exact instead of up to 50 microseconds late.
void lg_exact_timeouts(void);
/// Lets another thread of this core run, if there is one.
void lg_yield(void);
/// Sleeps.
void lg_sleep(int64_t nanoseconds);
/// Processor time of the calling thread in nanoseconds.
int64_t lg_thread_time(void);

#endif

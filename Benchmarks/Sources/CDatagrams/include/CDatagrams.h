/// Sockets of the load generator: many datagrams in one system call, and waiting for many sockets.
/// Every function gives a negative errno when it fails.
#ifndef WEIGHBRIDGE_CDATAGRAMS_H
#define WEIGHBRIDGE_CDATAGRAMS_H

#include <stddef.h>
#include <stdint.h>

/// Frames in one system call, at most.
#define LG_BATCH 64

/// Opens a socket that is connected to a numeric address: UDP, or TCP without Nagle's delay.
/// It never blocks once it is open. Both buffers get `buffer_bytes` where the kernel allows it.
int lg_connect(const char *host, uint16_t port, int is_stream, int buffer_bytes);

/// Sends datagrams that begin at these offsets of `base`; gives how many the kernel took.
int lg_send(int socket, const uint8_t *base, const uint64_t *offsets, const uint32_t *lengths,
            int count);

/// Receives up to `count` datagrams, one at each multiple of `stride`; gives how many.
/// Nothing to read is 0.
int lg_receive(int socket, uint8_t *buffer, uint32_t stride, uint32_t *lengths, int count);

/// Writes to a stream; gives how many bytes the kernel took, 0 while it is full.
int64_t lg_write(int socket, const uint8_t *bytes, size_t count);

/// Reads from a stream; nothing to read is -EAGAIN, its end 0.
int64_t lg_read(int socket, uint8_t *bytes, size_t count);

/// Waits until one of these sockets can be read, or written where `wants_write` is set.
void lg_wait(const int *sockets, const uint8_t *wants_write, int count, int64_t nanoseconds);

/// Processor time of the calling thread in nanoseconds.
int64_t lg_thread_time(void);

#endif

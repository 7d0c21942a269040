/// What Swift has no words for: prefetch, a comparison of many tags at once, the pages of large
/// tables, and hashes in vector registers of every width. What is called for one key or page is
/// `static inline`, so that it costs nothing to call.
#ifndef WEIGHBRIDGE_CINTRINSICS_H
#define WEIGHBRIDGE_CINTRINSICS_H

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Huge pages have 2 MiB on x86-64 and on most ARM64 kernels.
#define WB_HUGE_PAGE ((size_t)1 << 21)

/// Asks for the cache line at `address`, which will be read soon. Any address is harmless.
static inline void wb_prefetch_read(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Asks for the cache line at `address`, which will be written soon. Any address is harmless.
static inline void wb_prefetch_write(const void *address) { __builtin_prefetch(address, 1, 3); }

/// Compares nine 32-bit tags with one: bit `i` of the result is set if tag `i` is equal.
/// `tags` is aligned to 16 bytes.
static inline uint32_t wb_match_nine(const void *tags, uint32_t tag) {
  const uint32_t *words = (const uint32_t *)tags;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi32((int32_t)tag);
  const __m128i first = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)tags), wanted);
  const __m128i second = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)tags + 1), wanted);
  const __m128i halves = _mm_packs_epi32(first, second);
  const uint32_t eight = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(halves, halves)) & 0xffu;
#else
  uint32_t eight = 0;
  for (unsigned index = 0; index < 8; index++) {
    eight |= (uint32_t)(words[index] == tag) << index;
  }
#endif
  return eight | (uint32_t)(words[8] == tag) << 8;
}

/// Reads a word that another thread may be setting bits of.
static inline uint64_t wb_bits_load(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/// Sets bits of a word that other threads may be reading. One thread at a time sets bits.
static inline void wb_bits_set(uint64_t *word, uint64_t bits) {
  __atomic_store_n(word, __atomic_load_n(word, __ATOMIC_RELAXED) | bits, __ATOMIC_RELAXED);
}

/// Maps `bytes` of zeroed memory, or gives NULL. Pages are taken when they are first touched.
/// From 2 MiB on the memory is aligned to huge pages. Free it with `wb_table_free`.
static inline void *wb_table_allocate(size_t bytes) {
  const size_t slack = bytes >= WB_HUGE_PAGE ? WB_HUGE_PAGE : 0;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  char *mapped = (char *)mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapped == (char *)MAP_FAILED) { return NULL; }
  if (slack == 0) { return mapped; }
  const size_t head = (WB_HUGE_PAGE - ((uintptr_t)mapped & (WB_HUGE_PAGE - 1))) % WB_HUGE_PAGE;
  if (head > 0) { munmap(mapped, head); }
  if (slack > head) { munmap(mapped + head + bytes, slack - head); }
  return mapped + head;
}

/// Asks for huge pages for memory of `wb_table_allocate`: one touch takes 2 MiB then.
static inline void wb_table_prefer_huge_pages(void *address, size_t bytes) {
#if defined(MADV_HUGEPAGE)
  // Advice only: without huge pages it is small ones.
  if (bytes >= WB_HUGE_PAGE) { (void)madvise(address, bytes, MADV_HUGEPAGE); }
#endif
}

/// Writes a part of a file out and waits for it, without its metadata (`sync_file_range(2)`);
/// nothing where there is no such call. Gives 0, or -1 with errno.
static inline int wb_write_back(int descriptor, int64_t offset, int64_t bytes) {
#if defined(SYNC_FILE_RANGE_WRITE)
  return sync_file_range(
      descriptor, offset, bytes,
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
#else
  (void)descriptor, (void)offset, (void)bytes;
  return 0;
#endif
}

/// Asks the kernel to read the pages around a part of a mapped file, without waiting for them.
static inline void wb_will_need(const void *address, size_t bytes) {
  const uintptr_t start = (uintptr_t)address & ~(uintptr_t)4095;
  const size_t length = (uintptr_t)address + bytes - start;
  // Advice only: whoever reads a page that is not there waits for it.
  (void)madvise((void *)start, length, MADV_WILLNEED);
}

/// Takes the pages of zeroed memory before it is used. `address` is aligned to a page; nothing has
/// been written there yet.
static inline void wb_table_prepare(void *address, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += 4096) {
    *((volatile char *)address + offset) = 0;
  }
}

/// Gives back `bytes` of memory at `address`, a whole or a page-aligned part of what
/// `wb_table_allocate` mapped.
static inline void wb_table_free(void *address, size_t bytes) { (void)munmap(address, bytes); }

/// The state of SipHash-1-3.
typedef struct {
  uint64_t v0, v1, v2, v3;
} wb_sip_state;

/// The state after a tenant's name, and how many bytes made it.
typedef struct {
  wb_sip_state state;
  uint64_t byte_count;
} wb_scope;

/// A key: where its bytes begin, the number of its scope, the number of the hash that it gets.
typedef struct {
  uint32_t offset, scope, target;
  uint8_t length, form;
} wb_key_place;

/// The second and the first eight bytes of a 128-bit hash.
typedef struct {
  uint64_t high, low;
} wb_key_hash;

/// The words of a message, and its last four bytes.
typedef struct {
  uint64_t words[5];
  uint32_t tail;
} wb_digest_message;

/// Hashes `count` keys, eight at a time, each with its form behind it: SipHash-1-3 with 128 bits,
/// from the state of its scope on. Keys of one length beside each other are the fastest.
///
/// Gives false, with some hashes written and nothing touched outside, if a place is not inside
/// `keys`, `scopes` and `hashes`. `key_bytes`, `scope_count` and `hash_count` are below 2^62.
bool wb_hash_keys(
    const void *keys, size_t key_bytes, const wb_scope *scopes, size_t scope_count,
    const wb_key_place *places, size_t count, wb_key_hash *hashes, size_t hash_count);

/// Hashes `count` messages, eight at a time: SipHash-1-3 with 64 bits, from `state` on.
void wb_hash_messages(
    const wb_sip_state *state, const wb_digest_message *messages, size_t count, uint64_t *hashes);

#endif

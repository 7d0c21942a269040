/// What Swift has no words for: prefetch, a comparison of many tags at once, and the pages of large
/// tables. Everything is `static inline`, so that it costs nothing to call.
#ifndef WEIGHBRIDGE_CINTRINSICS_H
#define WEIGHBRIDGE_CINTRINSICS_H

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

/// Takes the pages of zeroed memory before it is used, on huge pages where the kernel gives them.
/// `address` is aligned to a page; nothing has been written there yet.
static inline void wb_table_prepare(void *address, size_t bytes) {
#if defined(MADV_HUGEPAGE)
  // Advice only: without huge pages the touches below take small ones.
  (void)madvise(address, bytes, MADV_HUGEPAGE);
#endif
  for (size_t offset = 0; offset < bytes; offset += 4096) {
    *((volatile char *)address + offset) = 0;
  }
}

/// Gives back `bytes` of memory at `address`, a whole or a page-aligned part of what
/// `wb_table_allocate` mapped.
static inline void wb_table_free(void *address, size_t bytes) { (void)munmap(address, bytes); }

#endif

// SipHash-1-3 of eight messages side by side. The state of one message is a chain of operations
// that each wait for the one before; eight chains fill the vector units.
#include "CIntrinsics.h"

#include <string.h>

_Static_assert(
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of a message are read as they lie");
_Static_assert(sizeof(wb_key_place) == 16, "the loads of places count on it");

// Inlined, so that they are built with the width of the kernel that they are a part of.
#define WB_PART static inline __attribute__((always_inline))

enum { lanes = 8 };

typedef uint64_t eight __attribute__((vector_size(64)));
typedef int64_t eight_signed __attribute__((vector_size(64)));
typedef uint64_t four __attribute__((vector_size(32)));
// Vectors where they lie in memory that is not theirs.
typedef uint64_t loose_eight __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint64_t loose_two __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t loose_word __attribute__((aligned(1), may_alias));

// Eight states.
struct states {
  eight v0, v1, v2, v3;
};

#define ROTATED(x, n) ((x) << (n) | (x) >> (64 - (n)))

WB_PART void run_round(struct states *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = ROTATED(s->v1, 13) ^ s->v0;
  s->v3 = ROTATED(s->v3, 16) ^ s->v2;
  s->v0 = ROTATED(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = ROTATED(s->v1, 17) ^ s->v2;
  s->v3 = ROTATED(s->v3, 21) ^ s->v0;
  s->v2 = ROTATED(s->v2, 32);
}

WB_PART void absorb(struct states *s, const eight *words) {
  s->v3 ^= *words;
  run_round(s);
  s->v0 ^= *words;
}

// Absorbs in the lanes whose bits of `active` are set; the others stay as they are.
WB_PART void absorb_some(struct states *s, const eight *words, const eight *active) {
  struct states next = *s;
  absorb(&next, words);
  s->v0 = (next.v0 & *active) | (s->v0 & ~*active);
  s->v1 = (next.v1 & *active) | (s->v1 & ~*active);
  s->v2 = (next.v2 & *active) | (s->v2 & ~*active);
  s->v3 = (next.v3 & *active) | (s->v3 & ~*active);
}

WB_PART void finish(struct states *s, eight *hash) {
  run_round(s);
  run_round(s);
  run_round(s);
  *hash = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

// The word at an offset of each lane.
WB_PART void load_words(eight *words, const uint8_t *const *at, size_t offset) {
  for (int lane = 0; lane < lanes; lane++) {
    (*words)[lane] = *(const loose_word *)(at[lane] + offset);
  }
}

// The two words at an offset of each lane: half the loads of `load_words`.
WB_PART void load_pairs(
    eight *first, eight *second, const uint8_t *const *at, size_t offset) {
#define PAIR(lane) (*(const loose_two *)(at[lane] + offset))
#define FOUR(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3)
  const four even0 = FOUR(PAIR(0), PAIR(2)), even4 = FOUR(PAIR(4), PAIR(6));
  const four odd0 = FOUR(PAIR(1), PAIR(3)), odd4 = FOUR(PAIR(5), PAIR(7));
  const eight even = __builtin_shufflevector(even0, even4, 0, 1, 2, 3, 4, 5, 6, 7);
  const eight odd = __builtin_shufflevector(odd0, odd4, 0, 1, 2, 3, 4, 5, 6, 7);
  *first = __builtin_shufflevector(even, odd, 0, 8, 2, 10, 4, 12, 6, 14);
  *second = __builtin_shufflevector(even, odd, 1, 9, 3, 11, 5, 13, 7, 15);
#undef FOUR
#undef PAIR
}

// Absorbs keys of one length and gives the last words without the lengths.
WB_PART void absorb_equal(
    struct states *s, const uint8_t *const *key, size_t length, eight *tail) {
  eight first, second;
  size_t done = 0;
  for (; done + 16 <= length; done += 16) {
    load_pairs(&first, &second, key, done);
    absorb(s, &first);
    absorb(s, &second);
  }
  if (done + 8 <= length) {
    load_words(&first, key, done);
    absorb(s, &first);
  }
  const unsigned rest = length % 8;
  *tail <<= 8 * rest;
  if (rest > 0) {
    load_words(&first, key, length - 8);
    *tail |= first >> (64 - 8 * rest);
  }
  if (rest == 7) {
    absorb(s, tail);
    *tail = (eight){0};
  }
}

// As `absorb_equal`, for keys of any lengths: a lane stands still when its key is over.
WB_PART void absorb_mixed(
    struct states *s, const uint8_t *const *key, const wb_key_place *block,
    const eight *lengths, eight *tail) {
  static const uint64_t nothing = 0;
  const uint8_t *last[lanes], *at[lanes];
  eight words, ends;
  size_t shortest = UINT8_MAX, longest = 0;
  for (int lane = 0; lane < lanes; lane++) {
    const size_t length = block[lane].length;
    shortest = length < shortest ? length : shortest;
    longest = length > longest ? length : longest;
    // The bytes of a short key alone, since nothing around it may be read.
    uint64_t end = 0;
    if (length >= 8) {
      last[lane] = key[lane] + length - 8;
      memcpy(&end, last[lane], 8);
    } else {
      last[lane] = (const uint8_t *)&nothing;
      memcpy((uint8_t *)&end + 8 - length, key[lane], length);
    }
    ends[lane] = end;
  }
  size_t done = 0;
  for (; done + 8 <= shortest; done += 8) {
    load_words(&words, key, done);
    absorb(s, &words);
  }
  for (; done + 8 <= longest; done += 8) {
    for (int lane = 0; lane < lanes; lane++) {
      at[lane] = done + 8 <= block[lane].length ? key[lane] + done : last[lane];
    }
    load_words(&words, at, 0);
    const eight active = (eight)((eight_signed)*lengths >= (int64_t)done + 8);
    absorb_some(s, &words, &active);
  }
  const eight rest = *lengths & 7;
  // In two steps, because no word can be shifted by 64 bits.
  *tail = *tail << 8 * rest | ends >> 8 * (7 - rest) >> 8;
  const eight full = (eight)(rest == 7);
  absorb_some(s, tail, &full);
  *tail &= ~full;
}

// Writes the hash of each lane to its target.
WB_PART void store_hashes(
    wb_key_hash *hashes, const wb_key_place *block, const eight *high, const eight *low) {
  const eight even = __builtin_shufflevector(*high, *low, 0, 8, 2, 10, 4, 12, 6, 14);
  const eight odd = __builtin_shufflevector(*high, *low, 1, 9, 3, 11, 5, 13, 7, 15);
#define STORE(lane, from) \
  *(loose_two *)&hashes[block[lane].target] = \
      __builtin_shufflevector(from, from, lane / 2 * 2, lane / 2 * 2 + 1)
  STORE(0, even);
  STORE(1, odd);
  STORE(2, even);
  STORE(3, odd);
  STORE(4, even);
  STORE(5, odd);
  STORE(6, even);
  STORE(7, odd);
#undef STORE
}

WB_PART bool hash_keys(
    const void *keys, size_t key_bytes, const wb_scope *scopes, size_t scope_count,
    const wb_key_place *places, size_t count, wb_key_hash *hashes, size_t hash_count) {
  wb_key_place rest[lanes];
  for (size_t done = 0; done < count; done += lanes) {
    const wb_key_place *block = places + done;
    if (count - done < lanes) {
      // Lanes without a key repeat the last one.
      for (size_t lane = 0; lane < lanes; lane++) {
        rest[lane] = block[lane < count - done ? lane : count - done - 1];
      }
      block = rest;
    }
    const eight front = ((const loose_eight *)block)[0], back = ((const loose_eight *)block)[1];
    const eight starts = __builtin_shufflevector(front, back, 0, 2, 4, 6, 8, 10, 12, 14);
    const eight shapes = __builtin_shufflevector(front, back, 1, 3, 5, 7, 9, 11, 13, 15);
    const eight lengths = shapes >> 32 & 0xff;
    // A difference below zero has its highest bit set.
    const eight outside = (key_bytes - (starts & UINT32_MAX) - lengths)
        | (scope_count - 1 - (starts >> 32)) | (hash_count - 1 - (shapes & UINT32_MAX));
    if (__builtin_reduce_or(outside) >> 63) { return false; }

    const uint8_t *key[lanes], *scope[lanes];
    eight counts;
    for (int lane = 0; lane < lanes; lane++) {
      key[lane] = (const uint8_t *)keys + block[lane].offset;
      scope[lane] = (const uint8_t *)&scopes[block[lane].scope];
      counts[lane] = scopes[block[lane].scope].byte_count;
    }
    struct states s;
    load_pairs(&s.v0, &s.v1, scope, 0);
    load_pairs(&s.v2, &s.v3, scope, 16);
    eight tail = shapes >> 40 & 0xff;
    const size_t length = block[0].length;
    if (length >= 8 && __builtin_reduce_or(lengths ^ length) == 0) {
      absorb_equal(&s, key, length, &tail);
    } else {
      absorb_mixed(&s, key, block, &lengths, &tail);
    }
    tail |= (counts + lengths + 1) << 56;
    absorb(&s, &tail);
    eight high, low;
    s.v2 ^= 0xee;
    finish(&s, &low);
    s.v1 ^= 0xdd;
    finish(&s, &high);
    store_hashes(hashes, block, &high, &low);
  }
  return true;
}

WB_PART void hash_messages(
    const wb_sip_state *state, const wb_digest_message *messages, size_t count, uint64_t *hashes) {
  const eight zero = {0};
  wb_digest_message rest[lanes];
  for (size_t done = 0; done < count; done += lanes) {
    const size_t left = count - done;
    const wb_digest_message *block = messages + done;
    if (left < lanes) {
      memset(rest, 0, sizeof rest);
      memcpy(rest, block, left * sizeof *block);
      block = rest;
    }
    const uint8_t *message[lanes];
    for (int lane = 0; lane < lanes; lane++) {
      message[lane] = (const uint8_t *)(block + lane);
    }
    struct states s = {zero + state->v0, zero + state->v1, zero + state->v2, zero + state->v3};
    eight first, second, hash;
    load_pairs(&first, &second, message, 0);
    absorb(&s, &first);
    absorb(&s, &second);
    load_pairs(&first, &second, message, 16);
    absorb(&s, &first);
    absorb(&s, &second);
    load_pairs(&first, &second, message, 32);
    absorb(&s, &first);
    second = (second & UINT32_MAX) | 44ull << 56;
    absorb(&s, &second);
    s.v2 ^= 0xff;
    finish(&s, &hash);
    memcpy(hashes + done, &hash, (left < lanes ? left : lanes) * sizeof *hashes);
  }
}

// A build of a kernel for each width of vectors, and the choice of the widest that the processor
// has. Not `target_clones`: its choice runs before the thread sanitizer is ready, and crashes.
#if defined(__x86_64__)
#define WB_EVERY_WIDTH(result, name, parameters, arguments) \
  __attribute__((target("avx512f"))) static result name##_avx512 parameters { \
    return name arguments; \
  } \
  __attribute__((target("avx2"))) static result name##_avx2 parameters { return name arguments; } \
  result wb_##name parameters { \
    if (__builtin_cpu_supports("avx512f")) { return name##_avx512 arguments; } \
    if (__builtin_cpu_supports("avx2")) { return name##_avx2 arguments; } \
    return name arguments; \
  }
#else
#define WB_EVERY_WIDTH(result, name, parameters, arguments) \
  result wb_##name parameters { return name arguments; }
#endif

WB_EVERY_WIDTH(
    bool, hash_keys,
    (const void *keys, size_t key_bytes, const wb_scope *scopes, size_t scope_count,
     const wb_key_place *places, size_t count, wb_key_hash *hashes, size_t hash_count),
    (keys, key_bytes, scopes, scope_count, places, count, hashes, hash_count))

WB_EVERY_WIDTH(
    void, hash_messages,
    (const wb_sip_state *state, const wb_digest_message *messages, size_t count,
     uint64_t *hashes),
    (state, messages, count, hashes))

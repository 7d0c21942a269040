/// Counts allocations of memory, of the calling thread alone.
///
/// A program that links this has its own `malloc`, `calloc`, `realloc`, `memalign`,
/// `aligned_alloc` and `posix_memalign`, which count and then ask Glibc.
#ifndef WEIGHBRIDGE_CALLOCATIONS_H
#define WEIGHBRIDGE_CALLOCATIONS_H

#include <stdint.h>

/// Allocations of the calling thread since it started.
uint64_t ca_allocations(void);

#endif

// The simple API and reusable contexts: ZSTD_compress2, ZSTD_compressStream2,
// ZSTD_decompressDCtx.
#include <zstd.h>
// Error codes by name: ZSTD_getErrorCode tells a full destination from bad input.
#include <zstd_errors.h>

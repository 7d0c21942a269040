// The streaming compressor: deflateInit2 with a gzip wrapper, deflate, deflateEnd.
#include <zlib.h>

// deflateInit2 is a macro, which Swift does not see. 15 + 16 window bits: gzip header and trailer.
static inline int weighbridge_deflate_gzip(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

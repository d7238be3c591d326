/* SSE4.1: the x86 loops with one lane of 16 bytes. */
#include "crop_kernels.h"

#if defined(EDF_X86)
#include <smmintrin.h>
#include <string.h>

#if defined(__GNUC__)
#define TARGET __attribute__((target("sse4.1")))
#else
#define TARGET
#endif
#define V __m128i
#define WIDTH 16
#define OP(name) _mm_##name
#define BITS(name) _mm_##name##_si128

TARGET static inline V load_lanes(const uint8_t *first, const uint8_t *second) {
  (void)second;
  return _mm_loadu_si128((const V *)(const void *)first);
}

TARGET static inline void store_lanes(uint8_t *first, uint8_t *second, V bytes) {
  (void)second;
  _mm_storeu_si128((V *)(void *)first, bytes);
}

/* 16-bit numbers clipped to bytes, first to last. */
TARGET static inline V pack_in_order(V first, V second) { return _mm_packus_epi16(first, second); }

/* 8 samples of each plane as pairs. */
TARGET static inline V load_chroma(const uint8_t *first, const uint8_t *second) {
  return _mm_unpacklo_epi8(_mm_loadl_epi64((const V *)(const void *)first),
                           _mm_loadl_epi64((const V *)(const void *)second));
}

#include "crop_x86_read.inc"
#include "crop_x86_resize.inc"

const edf_crop_kernels edgedf_crop_sse41 = {split, convert_yuv, turn, horizontal, vertical, halve, join};
#else
typedef int edf_no_sse41; /* a translation unit must not be empty */
#endif

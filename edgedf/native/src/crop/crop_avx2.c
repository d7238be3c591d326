/* AVX2: the x86 loops with two lanes of 16 bytes. */
#include "crop_kernels.h"

#if defined(EDF_X86)
#include <immintrin.h>
#include <string.h>

#if defined(__GNUC__)
#define TARGET __attribute__((target("avx2")))
#else
#define TARGET
#endif
#define V __m256i
#define WIDTH 32
#define OP(name) _mm256_##name
#define BITS(name) _mm256_##name##_si256

TARGET static inline __m128i load_lane(const uint8_t *from) {
  return _mm_loadu_si128((const __m128i *)(const void *)from);
}

TARGET static inline V load_lanes(const uint8_t *first, const uint8_t *second) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_lane(first)), load_lane(second), 1);
}

TARGET static inline void store_lanes(uint8_t *first, uint8_t *second, V bytes) {
  _mm_storeu_si128((__m128i *)(void *)first, _mm256_castsi256_si128(bytes));
  _mm_storeu_si128((__m128i *)(void *)second, _mm256_extracti128_si256(bytes, 1));
}

/* 16-bit numbers clipped to bytes, first to last. */
TARGET static inline V pack_in_order(V first, V second) {
  return _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xD8);
}

/* 16 samples of each plane as pairs. */
TARGET static inline V load_chroma(const uint8_t *first, const uint8_t *second) {
  const __m128i a = load_lane(first), b = load_lane(second);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(a, b)), _mm_unpackhi_epi8(a, b), 1);
}

#include "crop_x86_read.inc"
#include "crop_x86_resize.inc"

const edf_crop_kernels edgedf_crop_avx2 = {split, convert_yuv, turn, horizontal, vertical, halve, join};
#else
typedef int edf_no_avx2; /* a translation unit must not be empty */
#endif

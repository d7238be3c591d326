/* 8-bit convolutions for arm64 without dot-product instructions: products of bytes are 16-bit numbers, of which two
 * fit into another one (2 * 128 * 127 < 2^15); pairs of those are added up in 32 bits. */
#include "kernels_int8.h"

#ifdef EDF_HAVE_NEON
#include "int8_neon.h"

#define DOT(sum, input, weight) add_products(sum, input, weight)
#define BLOCK 4
#define TILE 3
#define NAME "neon"
#define TABLE edgedf_int8_neon

static inline int32x4_t add_products(int32x4_t sum, int8x16_t input, int8x16_t weight) {
  int16x8_t low = vmull_s8(vget_low_s8(input), vget_low_s8(weight)), high = vmull_high_s8(input, weight);
  return vpadalq_s16(sum, vpaddq_s16(low, high));
}

#include "int8_simd.inc"
#endif
typedef int edgedf_int8_neon_is_not_empty;

/* The inner loops for arm64: NEON is always there. */
#include "kernels.h"

#ifdef EDF_HAVE_NEON
#include <arm_neon.h>

#define V float32x4_t
#define LANES 4
#define LOAD(p) vld1q_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#define SPLAT(x) vdupq_n_f32(x)
#define FMA(a, b, c) vfmaq_f32(c, a, b)
/* With a NaN these give the number, as plain C and x86 do with a bound; vmaxq_f32 would give the NaN. */
#define MAX(a, b) vmaxnmq_f32(a, b)
#define MIN(a, b) vminnmq_f32(a, b)
#define ADD(a, b) vaddq_f32(a, b)
#define EVEN(a, b) vuzp1q_f32(a, b)
#define ODD(a, b) vuzp2q_f32(a, b)
#define PAIR_MAX(a, b) vpmaxnmq_f32(a, b)
#define TILE_MAX 12
#define POOL_TILE 8
#define BLOCK 8
#define BLOCK_TILE 3
#define VARIANT "neon"
#define DENSE_ABOVE 0.5f
#define TABLE edgedf_kernels_neon

static inline void widen(uint8x8_t bytes, float *row, float scale, float shift) {
  uint16x8_t words = vmovl_u8(bytes);
  float32x4_t low = vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
  float32x4_t high = vcvtq_f32_u32(vmovl_u16(vget_high_u16(words)));
  vst1q_f32(row, vfmaq_n_f32(vdupq_n_f32(shift), low, scale));
  vst1q_f32(row + 4, vfmaq_n_f32(vdupq_n_f32(shift), high, scale));
}

static void crop_row(const uint8_t *rgb, size_t pixels, float *const rows[3], const float *scale,
                     const float *shift) {
  size_t x = 0;
  for (; x + 8 <= pixels; x += 8) {
    uint8x8x3_t colours = vld3_u8(rgb + 3 * x);
    for (int c = 0; c < 3; c++) widen(colours.val[c], rows[c] + x, scale[c], shift[c]);
  }
  for (; x < pixels; x++)
    for (int c = 0; c < 3; c++) rows[c][x] = (float)rgb[3 * x + (size_t)c] * scale[c] + shift[c];
}

#include "kernels_simd.inc"
#endif
typedef int edgedf_kernels_neon_is_not_empty;

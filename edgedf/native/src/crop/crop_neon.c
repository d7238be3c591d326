/* NEON on arm64: the high and the low parts of the weights are summed apart by widening multiply-adds, 8-bit ones
 * and 16-bit ones; (high << 15) + low is then the exact sum of crop_portable.c. */
#include "crop_kernels.h"

#if defined(EDF_NEON)
#include <arm_neon.h>
#include <string.h>

#define WIDTH 16

/* Where the vector after the one at `i` begins: the last one ends at n, over the one before it if need be. */
static size_t next_vector(size_t i, size_t n) {
  return i + WIDTH < n && i + 2 * WIDTH > n ? n - WIDTH : i + WIDTH;
}

#include "crop_neon_read.inc"

/* Byte c of vector r to byte r of vector c: four times, interleave the halves. */
static inline void transpose(uint8x16_t *tile) {
  for (int pass = 0; pass < 4; pass++) {
    uint8x16_t next[16];
    for (int i = 0; i < 8; i++) {
      next[2 * i] = vzip1q_u8(tile[i], tile[i + 8]);
      next[2 * i + 1] = vzip2q_u8(tile[i], tile[i + 8]);
    }
    for (int i = 0; i < 16; i++) tile[i] = next[i];
  }
}

static void turn(const uint8_t *rows, size_t pitch, uint8_t *columns, size_t n) {
  for (size_t x = 0; x < n; x += EDF_TILE)
    for (size_t row = 0; row < EDF_BLOCK; row += WIDTH) {
      uint8x16_t tile[EDF_TILE];
      for (size_t r = 0; r < 16; r++) tile[r] = vld1q_u8(rows + (row + r) * pitch + x);
      transpose(tile);
      for (size_t c = 0; c < EDF_TILE; c++) vst1q_u8(columns + (x + c) * EDF_COLUMN + row, tile[c]);
    }
}

/* (high * 2^15 + low + half) >> 22 of eight sums, clipped to a byte. */
static uint8x8_t join_parts(uint16x8_t high, uint32x4_t low0, uint32x4_t low1) {
  const uint16x8_t carry = vcombine_u16(vshrn_n_u32(low0, EDF_LOW_BITS), vshrn_n_u32(low1, EDF_LOW_BITS));
  return vqshrn_n_u16(vqaddq_u16(high, carry), EDF_PRECISION - EDF_LOW_BITS);
}

static uint8x16_t sum_many(const uint8_t *const *rows, size_t i, const uint8_t *high, const int16_t *low,
                           int32_t count) {
  uint16x8_t h[2];
  uint32x4_t l[4];
  for (int k = 0; k < 2; k++) h[k] = vdupq_n_u16(0);
  for (int k = 0; k < 4; k++) l[k] = vdupq_n_u32(1u << (EDF_PRECISION - 1));
  for (int32_t t = 0; t < count; t++) {
    const uint8x16_t row = vld1q_u8(rows[t] + i);
    const uint8x8_t weight = vdup_n_u8(high[t]);
    const uint16x8_t a = vmovl_u8(vget_low_u8(row)), b = vmovl_u8(vget_high_u8(row));
    const uint16x4_t parts[4] = {vget_low_u16(a), vget_high_u16(a), vget_low_u16(b), vget_high_u16(b)};
    h[0] = vmlal_u8(h[0], vget_low_u8(row), weight);
    h[1] = vmlal_u8(h[1], vget_high_u8(row), weight);
    for (int k = 0; k < 4; k++) l[k] = vmlal_n_u16(l[k], parts[k], (uint16_t)low[t]);
  }
  return vcombine_u8(join_parts(h[0], l[0], l[1]), join_parts(h[1], l[2], l[3]));
}

/* The same without low parts. */
static uint8x16_t sum_short(const uint8_t *const *rows, size_t i, const uint8_t *high, int32_t count) {
  uint16x8_t front = vdupq_n_u16(0), back = front;
  for (int32_t t = 0; t < count; t++) {
    const uint8x16_t row = vld1q_u8(rows[t] + i);
    const uint8x8_t weight = vdup_n_u8(high[t]);
    front = vmlal_u8(front, vget_low_u8(row), weight);
    back = vmlal_u8(back, vget_high_u8(row), weight);
  }
  return vcombine_u8(vqrshrn_n_u16(front, 7), vqrshrn_n_u16(back, 7));
}

/* a + (b - a) * share / 2^15, rounded: what sum_many gives where edf_weights.pairs holds. */
static uint8x8_t sum_pair(uint8x8_t a, uint8x8_t b, int16_t share) {
  const int16x8_t start = vreinterpretq_s16_u16(vmovl_u8(a));
  const int16x8_t way = vreinterpretq_s16_u16(vsubl_u8(b, a));
  return vqmovun_s16(vaddq_s16(start, vqrdmulhq_n_s16(way, share)));
}

static void vertical(const uint8_t *const *rows, const edf_weights *weights, int32_t o, uint8_t *target,
                     size_t bytes) {
  const uint8_t *high = weights->high + (size_t)o * (size_t)weights->stride;
  const int16_t *low = weights->low + (size_t)o * (size_t)weights->stride;
  const int32_t count = weights->spans[o].count;
  if (weights->pairs) {
    const uint8_t *first = rows[0], *second = rows[count - 1];
    const int16_t share = edgedf_crop_weights_share(weights, o);
    for (size_t i = 0; i < bytes; i += WIDTH) {
      const uint8x16_t a = vld1q_u8(first + i), b = vld1q_u8(second + i);
      vst1q_u8(target + i, vcombine_u8(sum_pair(vget_low_u8(a), vget_low_u8(b), share),
                                       sum_pair(vget_high_u8(a), vget_high_u8(b), share)));
    }
  } else if (edgedf_crop_weights_are_short(weights, o)) {
    for (size_t i = 0; i < bytes; i += WIDTH) vst1q_u8(target + i, sum_short(rows, i, high, count));
  } else {
    for (size_t i = 0; i < bytes; i += WIDTH) vst1q_u8(target + i, sum_many(rows, i, high, low, count));
  }
}

static void horizontal(const uint8_t *const *columns, const edf_weights *weights, int32_t size,
                       uint8_t *const *rows, size_t plane) {
  uint8_t made[EDF_TILE][EDF_COLUMN];
  memset(made, 0, sizeof made);
  for (int32_t o = 0; o < size; o += EDF_TILE) {
    for (int32_t k = 0; k < EDF_TILE && o + k < size; k++)
      vertical(columns + weights->spans[o + k].first, weights, o + k, made[k], EDF_COLUMN);
    for (size_t i = 0; i < EDF_COLUMN; i += WIDTH) {
      uint8x16_t tile[16];
      for (int k = 0; k < EDF_TILE; k++) tile[k] = vld1q_u8(made[k] + i);
      transpose(tile);
      const size_t row = i % EDF_BLOCK, at = i / EDF_BLOCK * plane + (size_t)o;
      for (size_t r = 0; r < 16; r++) vst1q_u8(rows[row + r] + at, tile[r]);
    }
  }
}

/* (a + 3 b + 3 c + d + 4) / 8: so the weights are, but at the ends. */
static uint8x8_t half_of(uint8x8_t a, uint8x8_t b, uint8x8_t c, uint8x8_t d) {
  const uint8x8_t three = vdup_n_u8(3);
  return vrshrn_n_u16(vmlal_u8(vmlal_u8(vaddl_u8(a, d), b, three), c, three), 3);
}

static void halve(const edf_halving *job, const edf_weights *weights) {
  for (size_t colour = 0; colour < 3; colour++) {
    const uint8_t *line = job->line + colour * job->plane;
    uint8_t *target = job->target + colour * job->target_plane;
    for (size_t o = 0; o < (size_t)job->size; o += WIDTH) {
      const uint8x16x2_t before = vld2q_u8(line + 2 * o - 1), after = vld2q_u8(line + 2 * o + 1);
      const uint8x16_t a = before.val[0], b = before.val[1], c = after.val[0], d = after.val[1];
      vst1q_u8(target + o, vcombine_u8(half_of(vget_low_u8(a), vget_low_u8(b), vget_low_u8(c), vget_low_u8(d)),
                                       half_of(vget_high_u8(a), vget_high_u8(b), vget_high_u8(c), vget_high_u8(d))));
    }
  }
  edgedf_crop_halve_ends(job, weights);
}

static void join(const uint8_t *line, size_t plane, uint8_t *rgb, size_t n) {
  const size_t most = n / WIDTH * WIDTH;
  for (size_t i = 0; i < most; i += WIDTH) {
    const uint8x16x3_t pixels = {{vld1q_u8(line + i), vld1q_u8(line + plane + i), vld1q_u8(line + 2 * plane + i)}};
    vst3q_u8(rgb + 3 * i, pixels);
  }
  edgedf_crop_join(line + most, plane, rgb + 3 * most, n - most);
}

const edf_crop_kernels edgedf_crop_neon = {split, convert_yuv, turn, horizontal, vertical, halve, join};
#else
typedef int edf_no_neon; /* a translation unit must not be empty */
#endif

/* NEON on arm64: the high and the low part of the weights are summed apart by widening 16-bit multiply-adds;
 * (high << 8) + low is then the exact 32-bit sum of crop_portable.c. */
#include "crop_kernels.h"

#if defined(EDF_NEON)
#include <arm_neon.h>
#include <string.h>

static void expand_rgb(const uint8_t *source, uint8_t *target, size_t n) {
  size_t i = 0;
  for (; n - i >= 16; i += 16) {
    const uint8x16x3_t rgb = vld3q_u8(source + 3 * i);
    const uint8x16x4_t pixels = {{rgb.val[0], rgb.val[1], rgb.val[2], vdupq_n_u8(0)}};
    vst4q_u8(target + 4 * i, pixels);
  }
  edf_portable_expand_rgb(source + 3 * i, target + 4 * i, n - i);
}

static int16x8_t centered(uint8x8_t chroma) {
  return vsubq_s16(vreinterpretq_s16_u16(vmovl_u8(chroma)), vdupq_n_s16(128));
}

/* floor((u * fu + v * fv + 8192) / 16384) of eight chroma samples. */
static int16x8_t chroma_term(int16x8_t u, int16_t fu, int16x8_t v, int16_t fv) {
  const int32x4_t front = vmlal_n_s16(vmull_n_s16(vget_low_s16(u), fu), vget_low_s16(v), fv);
  const int32x4_t back = vmlal_n_s16(vmull_n_s16(vget_high_s16(u), fu), vget_high_s16(v), fv);
  return vcombine_s16(vrshrn_n_s32(front, 14), vrshrn_n_s32(back, 14));
}

/* Sixteen samples of one colour: each chroma term serves two pixels. */
static uint8x16_t add_luma(int16x8_t front_y, int16x8_t back_y, int16x8_t term) {
  return vcombine_u8(vqmovun_s16(vaddq_s16(front_y, vzip1q_s16(term, term))),
                     vqmovun_s16(vaddq_s16(back_y, vzip2q_s16(term, term))));
}

static void convert_sixteen(const edf_yuv_run *run, size_t i, int interleaved, int v_first, uint8_t *target) {
  const edf_matrix m = run->matrix;
  uint8x8_t u_bytes, v_bytes;
  if (interleaved) {
    const uint8x8x2_t pairs = vld2_u8((v_first ? run->v : run->u) + i);
    u_bytes = pairs.val[v_first ? 1 : 0];
    v_bytes = pairs.val[v_first ? 0 : 1];
  } else {
    u_bytes = vld1_u8(run->u + i / 2);
    v_bytes = vld1_u8(run->v + i / 2);
  }
  const int16x8_t u = centered(u_bytes), v = centered(v_bytes);
  const uint8x16_t y = vld1q_u8(run->y + i);
  const int16x8_t front = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(y)));
  const int16x8_t back = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(y)));
  const uint8x16x4_t pixels = {{add_luma(front, back, chroma_term(u, 0, v, m.rv)),
                                add_luma(front, back, chroma_term(u, m.gu, v, m.gv)),
                                add_luma(front, back, chroma_term(u, m.bu, v, 0)), vdupq_n_u8(0)}};
  vst4q_u8(target + 4 * i, pixels);
}

static void convert_yuv(const edf_yuv_run *run, uint8_t *target, size_t n) {
  const int v_first = run->v + 1 == run->u, u_first = run->u + 1 == run->v;
  const int interleaved = run->u_step == 2 && run->v_step == 2 && (v_first || u_first);
  const int planar = run->u_step == 1 && run->v_step == 1;
  size_t i = 0;
  if (run->y_step == 1 && (interleaved || planar))
    for (; n - i >= 16; i += 16) convert_sixteen(run, i, interleaved, v_first, target);
  const edf_yuv_run rest = {run->y + i * run->y_step,         run->u + i / 2 * run->u_step,
                            run->v + i / 2 * run->v_step, run->y_step,
                            run->u_step,                      run->v_step,
                            run->matrix};
  if (i < n) edf_portable_convert_yuv(&rest, target + 4 * i, n - i);
}

/* (high * 256 + low + half) >> 22, saturated to 16 bits. */
static uint16x4_t round_down(uint32x4_t high, uint32x4_t low) {
  return vqmovn_u32(vrshrq_n_u32(vaddq_u32(vshlq_n_u32(high, 8), low), EDF_PRECISION));
}

static void horizontal_row(const uint8_t *row, uint8_t *target, const edf_weights *weights, int32_t size) {
  for (int32_t o = 0; o < size; o++) {
    const int16_t *high = weights->high + (size_t)o * (size_t)weights->stride;
    const int16_t *low = weights->low + (size_t)o * (size_t)weights->stride;
    const uint8_t *pixels = row + (size_t)weights->spans[o].first * 4;
    uint32x4_t h = vdupq_n_u32(0), l = vdupq_n_u32(0);
    for (int32_t t = 0; t < weights->spans[o].count; t += 4) {
      const uint8x16_t four = vld1q_u8(pixels + 4 * (size_t)t);
      const uint16x8_t a = vmovl_u8(vget_low_u8(four)), b = vmovl_u8(vget_high_u8(four));
      const uint16x4_t wh = vreinterpret_u16_s16(vld1_s16(high + t)), wl = vreinterpret_u16_s16(vld1_s16(low + t));
      h = vmlal_lane_u16(h, vget_low_u16(a), wh, 0);
      l = vmlal_lane_u16(l, vget_low_u16(a), wl, 0);
      h = vmlal_lane_u16(h, vget_high_u16(a), wh, 1);
      l = vmlal_lane_u16(l, vget_high_u16(a), wl, 1);
      h = vmlal_lane_u16(h, vget_low_u16(b), wh, 2);
      l = vmlal_lane_u16(l, vget_low_u16(b), wl, 2);
      h = vmlal_lane_u16(h, vget_high_u16(b), wh, 3);
      l = vmlal_lane_u16(l, vget_high_u16(b), wl, 3);
    }
    const uint16x4_t words = round_down(h, l);
    const uint32_t pixel = vget_lane_u32(vreinterpret_u32_u8(vqmovn_u16(vcombine_u16(words, words))), 0);
    memcpy(target + 3 * (size_t)o, &pixel, 4); /* the fourth byte is overwritten by the next pixel */
  }
}

static void horizontal(const uint8_t *const *rows, uint8_t *const *targets, const edf_weights *weights,
                       int32_t size) {
  for (int i = 0; i < EDF_ROWS; i++) horizontal_row(rows[i], targets[i], weights, size);
}

static void vertical(const uint8_t *const *rows, const int16_t *high, const int16_t *low, int32_t count,
                     uint8_t *target, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 16) {
    uint32x4_t h[4], l[4];
    for (int k = 0; k < 4; k++) h[k] = l[k] = vdupq_n_u32(0);
    for (int32_t t = 0; t < count; t++) {
      const uint8x16_t row = vld1q_u8(rows[t] + i);
      const uint16x8_t a = vmovl_u8(vget_low_u8(row)), b = vmovl_u8(vget_high_u8(row));
      const uint16x4_t parts[4] = {vget_low_u16(a), vget_high_u16(a), vget_low_u16(b), vget_high_u16(b)};
      for (int k = 0; k < 4; k++) {
        h[k] = vmlal_n_u16(h[k], parts[k], (uint16_t)high[t]);
        l[k] = vmlal_n_u16(l[k], parts[k], (uint16_t)low[t]);
      }
    }
    const uint16x8_t front = vcombine_u16(round_down(h[0], l[0]), round_down(h[1], l[1]));
    const uint16x8_t back = vcombine_u16(round_down(h[2], l[2]), round_down(h[3], l[3]));
    vst1q_u8(target + i, vcombine_u8(vqmovn_u16(front), vqmovn_u16(back)));
  }
}

const edf_crop_kernels edf_crop_neon = {expand_rgb, convert_yuv, horizontal, vertical};
#else
typedef int edf_no_neon; /* a translation unit must not be empty */
#endif

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

static void split(const edf_area *area) {
  const size_t step = area->view->step, n = area->n;
  /* Of four bytes only three are ours in RGB888: the one after the last pixel need not exist. */
  const size_t spare = step == 4 && area->view->format == EDGEDF_RGB888;
  const size_t most = n > spare ? n - spare : 0;
  for (int32_t row = 0; row < area->rows; row++) {
    const edf_run run = edgedf_crop_run(area, row);
    for (size_t i = 0; i + WIDTH <= most; i = next_vector(i, most)) {
      uint8x16x3_t rgb;
      if (step == 3) {
        rgb = vld3q_u8(run.pixels + 3 * i);
      } else {
        const uint8x16x4_t pixels = vld4q_u8(run.pixels + 4 * i);
        rgb.val[0] = pixels.val[0];
        rgb.val[1] = pixels.val[1];
        rgb.val[2] = pixels.val[2];
      }
      vst1q_u8(run.red + i, rgb.val[0]);
      vst1q_u8(run.green + i, rgb.val[1]);
      vst1q_u8(run.blue + i, rgb.val[2]);
    }
    edgedf_crop_split_run(area, &run, most < WIDTH ? 0 : most);
  }
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

/* What chroma adds to sixteen pixels of one colour: each term serves two of them. */
static int16x8x2_t for_pixels(int16x8_t term) { return vzipq_s16(term, term); }

static uint8x16_t add_luma(int16x8_t y_front, int16x8_t y_back, int16x8x2_t chroma) {
  return vcombine_u8(vqmovun_s16(vaddq_s16(y_front, chroma.val[0])), vqmovun_s16(vaddq_s16(y_back, chroma.val[1])));
}

static void convert_yuv(const edf_area *area) {
  const edf_view *view = area->view;
  const int by_two = view->u_step == 2 && view->v_step == 2 && view->u_row == view->v_row;
  const int v_first = by_two && view->v + 1 == view->u;
  const int pairs_lie = v_first || (by_two && view->u + 1 == view->v);
  const int planar = view->u_step == 1 && view->v_step == 1;
  const edf_matrix m = edgedf_crop_matrix(area);
  const size_t most = view->step == 1 && (pairs_lie || planar) && area->n >= WIDTH ? area->n / 2 * 2 : 0;
  edf_run lines[2]; /* two rows that have the same chroma, or one */
  for (int32_t row = 0, count; row < area->rows; row += count) {
    count = edgedf_crop_chroma_lines(area, row, lines);
    for (size_t i = 0; i + WIDTH <= most; i = next_vector(i, most)) {
      uint8x8x2_t chroma; /* U, V */
      if (pairs_lie) {
        const uint8x8x2_t pairs = vld2_u8((v_first ? lines->v : lines->u) + i);
        chroma.val[0] = pairs.val[v_first];
        chroma.val[1] = pairs.val[!v_first];
      } else {
        chroma.val[0] = vld1_u8(lines->u + i / 2);
        chroma.val[1] = vld1_u8(lines->v + i / 2);
      }
      const int16x8_t u = centered(chroma.val[0]), v = centered(chroma.val[1]);
      const int16x8x2_t red = for_pixels(chroma_term(u, 0, v, m.rv));
      const int16x8x2_t green = for_pixels(chroma_term(u, m.gu, v, m.gv));
      const int16x8x2_t blue = for_pixels(chroma_term(u, m.bu, v, 0));
      for (int32_t k = 0; k < count; k++) {
        const uint8x16_t y = vld1q_u8(lines[k].pixels + i);
        const int16x8_t front = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(y)));
        const int16x8_t back = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(y)));
        vst1q_u8(lines[k].red + i, add_luma(front, back, red));
        vst1q_u8(lines[k].green + i, add_luma(front, back, green));
        vst1q_u8(lines[k].blue + i, add_luma(front, back, blue));
      }
    }
    for (int32_t k = 0; k < count && most < area->n; k++) edgedf_crop_convert_run(area, &lines[k], most);
  }
}

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

static void join(const uint8_t *line, size_t plane, uint8_t *rgb, size_t n) {
  const size_t most = n / WIDTH * WIDTH;
  for (size_t i = 0; i < most; i += WIDTH) {
    const uint8x16x3_t pixels = {{vld1q_u8(line + i), vld1q_u8(line + plane + i), vld1q_u8(line + 2 * plane + i)}};
    vst3q_u8(rgb + 3 * i, pixels);
  }
  edgedf_crop_join(line + most, plane, rgb + 3 * most, n - most);
}

const edf_crop_kernels edgedf_crop_neon = {split, convert_yuv, turn, horizontal, vertical, join};
#else
typedef int edf_no_neon; /* a translation unit must not be empty */
#endif

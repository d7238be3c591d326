/* The truth: plain C for every processor. */
#include "crop_kernels.h"

void edf_portable_expand_rgb(const uint8_t *source, uint8_t *target, size_t n) {
  for (size_t i = 0; i < n; i++) {
    target[4 * i] = source[3 * i];
    target[4 * i + 1] = source[3 * i + 1];
    target[4 * i + 2] = source[3 * i + 2];
    target[4 * i + 3] = 0;
  }
}

/* floor((sum + 8192) / 16384); the 256 keeps the shifted number positive, where C defines the shift. */
static int32_t shift_down(int32_t sum) { return ((sum + 8192 + (256 << 14)) >> 14) - 256; }

static uint8_t clip(int32_t value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

void edf_portable_convert_yuv(const edf_yuv_run *run, uint8_t *target, size_t n) {
  const edf_matrix m = run->matrix;
  for (size_t i = 0; i < n; i += 2) {
    const int32_t u = run->u[i / 2 * run->u_step] - 128;
    const int32_t v = run->v[i / 2 * run->v_step] - 128;
    const int32_t r = shift_down(m.rv * v);
    const int32_t g = shift_down(m.gu * u + m.gv * v);
    const int32_t b = shift_down(m.bu * u);
    for (size_t k = i; k < i + 2 && k < n; k++) {
      const int32_t y = run->y[k * run->y_step];
      target[4 * k] = clip(y + r);
      target[4 * k + 1] = clip(y + g);
      target[4 * k + 2] = clip(y + b);
      target[4 * k + 3] = 0;
    }
  }
}

static uint8_t round_down(int32_t sum) { return clip((sum + (1 << (EDF_PRECISION - 1))) >> EDF_PRECISION); }

static void horizontal_row(const uint8_t *row, uint8_t *target, const edf_weights *weights, int32_t size) {
  for (int32_t o = 0; o < size; o++) {
    const int16_t *high = weights->high + (size_t)o * (size_t)weights->stride;
    const int16_t *low = weights->low + (size_t)o * (size_t)weights->stride;
    const uint8_t *pixel = row + (size_t)weights->spans[o].first * 4;
    int32_t r = 0, g = 0, b = 0;
    for (int32_t t = 0; t < weights->spans[o].count; t++, pixel += 4) {
      const int32_t weight = high[t] * 256 + low[t];
      r += weight * pixel[0];
      g += weight * pixel[1];
      b += weight * pixel[2];
    }
    target[3 * o] = round_down(r);
    target[3 * o + 1] = round_down(g);
    target[3 * o + 2] = round_down(b);
  }
}

static void horizontal(const uint8_t *const *rows, uint8_t *const *targets, const edf_weights *weights,
                       int32_t size) {
  for (int i = 0; i < EDF_ROWS; i++) horizontal_row(rows[i], targets[i], weights, size);
}

/* Sums of this many bytes at a time stay in the first-level cache. */
#define BLOCK 256

static void vertical(const uint8_t *const *rows, const int16_t *high, const int16_t *low, int32_t count,
                     uint8_t *target, size_t bytes) {
  for (size_t from = 0; from < bytes; from += BLOCK) {
    const size_t n = bytes - from < BLOCK ? bytes - from : BLOCK;
    int32_t sums[BLOCK] = {0};
    for (int32_t t = 0; t < count; t++) {
      const int32_t weight = high[t] * 256 + low[t];
      const uint8_t *row = rows[t] + from;
      for (size_t i = 0; i < n; i++) sums[i] += weight * row[i];
    }
    for (size_t i = 0; i < n; i++) target[from + i] = round_down(sums[i]);
  }
}

const edf_crop_kernels edf_crop_portable = {edf_portable_expand_rgb, edf_portable_convert_yuv, horizontal,
                                            vertical};

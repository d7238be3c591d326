/* The inner loops in plain C: the meaning of every kernel, and the same bits on every processor.
 * Built without contraction of a * b + c (see CMakeLists.txt), so each step rounds once. */
#include "kernels.h"

#define TILE 16

static float clamp(float value, float low, float high) {
  value = value > low ? value : low;
  return value < high ? value : high;
}

static void finish(float *sum, const edgedf_epilogue *e) {
  if (e->flags & EDF_CLAMP_BEFORE)
    for (int j = 0; j < TILE; j++) sum[j] = clamp(sum[j], e->low_before, e->high_before);
  if (e->flags & EDF_AFFINE)
    for (int j = 0; j < TILE; j++) {
      float product = sum[j] * e->scale;
      sum[j] = product + e->shift;
    }
  if (e->flags & EDF_CLAMP_AFTER)
    for (int j = 0; j < TILE; j++) sum[j] = clamp(sum[j], e->low_after, e->high_after);
}

static void add_taps(const float *source, const edgedf_tap *taps, size_t count, float *sum) {
  for (size_t k = 0; k < count; k++) {
    const float *at = source + taps[k].offset;
    float weight = taps[k].weight;
    for (int j = 0; j < TILE; j++) {
      float product = weight * at[j];
      sum[j] = sum[j] + product;
    }
  }
}

static void sparse(const float *source, float *target, size_t n, const edgedf_tap *taps, size_t count,
                   const float *start, float bias, const edgedf_epilogue *epilogue) {
  for (size_t i = 0; i < n; i += TILE) {
    float sum[TILE];
    size_t left = n - i < TILE ? n - i : TILE;
    for (size_t j = 0; j < TILE; j++) sum[j] = bias;
    for (size_t j = 0; start && j < left; j++) sum[j] = sum[j] + start[i + j];
    add_taps(source + i, taps, count, sum);
    finish(sum, epilogue);
    for (size_t j = 0; j < left; j++) target[i + j] = sum[j];
  }
}

/* The maxima of TILE sums side by side and `window` rows; returns how many. */
static size_t window_maxima(const edgedf_pooling *p, size_t y, size_t x, const edgedf_tap *taps, size_t count, float bias,
                            float *best) {
  for (uint32_t r = 0; r < p->window; r++) {
    float sum[TILE];
    for (int j = 0; j < TILE; j++) sum[j] = bias;
    add_taps(p->source + (y * p->window + r) * p->row + x, taps, count, sum);
    for (int j = 0; j < TILE; j++) best[j] = r > 0 && best[j] > sum[j] ? best[j] : sum[j];
  }
  size_t made = TILE;
  for (uint32_t side = p->window; side > 1; side /= 2) {
    made /= 2;
    for (size_t j = 0; j < made; j++) best[j] = best[2 * j] > best[2 * j + 1] ? best[2 * j] : best[2 * j + 1];
  }
  return made;
}

static void sparse_pool(const edgedf_pooling *p, const edgedf_tap *taps, size_t count, float bias,
                        const edgedf_epilogue *epilogue) {
  for (size_t y = 0; y < p->rows; y++)
    for (size_t x = 0; x < p->width * p->window; x += TILE) {
      float best[TILE];
      size_t made = window_maxima(p, y, x, taps, count, bias, best), at = x / p->window;
      finish(best, epilogue);
      for (size_t j = 0; j < made && at + j < p->width; j++) p->target[y * p->target_row + at + j] = best[j];
    }
}

#define BLOCK 4

static void dense(const float *source, float *target, size_t stride, size_t n, const int32_t *offsets,
                  const float *weights, size_t count, const float *bias, const edgedf_epilogue *epilogues) {
  for (size_t i = 0; i < n; i += TILE) {
    float sum[BLOCK][TILE];
    for (int c = 0; c < BLOCK; c++)
      for (int j = 0; j < TILE; j++) sum[c][j] = bias[c];
    for (size_t k = 0; k < count; k++) {
      const float *at = source + i + offsets[k];
      for (int c = 0; c < BLOCK; c++) {
        float weight = weights[k * BLOCK + (size_t)c];
        for (int j = 0; j < TILE; j++) {
          float product = weight * at[j];
          sum[c][j] = sum[c][j] + product;
        }
      }
    }
    for (int c = 0; c < BLOCK; c++) {
      finish(sum[c], &epilogues[c]);
      for (int j = 0; j < TILE; j++) target[(size_t)c * stride + i + (size_t)j] = sum[c][j];
    }
  }
}

static float dot(const float *a, const float *b, size_t n) {
  float sum[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (size_t j = 0; j < 4; j++) {
      float product = a[i + j] * b[i + j];
      sum[j] = sum[j] + product;
    }
  for (; i < n; i++) {
    float product = a[i] * b[i];
    sum[0] = sum[0] + product;
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void crop_row(const uint8_t *rgb, size_t pixels, float *const rows[3], const float *scale,
                     const float *shift) {
  for (int c = 0; c < 3; c++)
    for (size_t x = 0; x < pixels; x++) {
      float product = (float)rgb[3 * x + (size_t)c] * scale[c];
      rows[c][x] = product + shift[c];
    }
}

static void max_rows(const float *a, const float *b, float *target, size_t n) {
  for (size_t x = 0; x < n; x++) target[x] = a[x] > b[x] ? a[x] : b[x];
}

static void max_pairs(const float *source, float *target, size_t n) {
  for (size_t x = 0; x < n; x++) target[x] = source[2 * x] > source[2 * x + 1] ? source[2 * x] : source[2 * x + 1];
}

static void split_pairs(const float *source, float *even, float *odd, size_t n) {
  for (size_t x = 0; x < n; x++) {
    even[x] = source[2 * x];
    odd[x] = source[2 * x + 1];
  }
}

static void add_row(float *row, const float *other, size_t n, float low, float high) {
  for (size_t x = 0; x < n; x++) row[x] = clamp(row[x] + other[x], low, high);
}

const edgedf_kernels edgedf_kernels_portable = {
    "portable", TILE, BLOCK, 0.9f, sparse, sparse_pool, dense, dot, crop_row, max_rows, max_pairs, split_pairs, add_row,
};

/* 8-bit convolutions in plain C: the meaning of every kernel_int8.h function, bit by bit. */
#include "bytes.h"
#include "kernels_int8.h"

#define TILE 16
#define BLOCK 4

static void widen(const float *x, size_t n, float range[2]) {
  for (size_t i = 0; i < n; i++) {
    range[0] = x[i] < range[0] ? x[i] : range[0];
    range[1] = x[i] > range[1] ? x[i] : range[1];
  }
}

static uint32_t byte_of(const edgedf_rounding *r, float x) {
  float product = x * r->inverse, rounded = product + r->shift;
  uint32_t bits;
  rounded = rounded > EDF_ROUNDER ? rounded : EDF_ROUNDER;
  rounded = rounded < EDF_ROUNDER + 255.0f ? rounded : EDF_ROUNDER + 255.0f;
  memcpy(&bits, &rounded, sizeof bits);
  return bits & 255u;
}

static void quantise(const edgedf_rounding *r, const float *const planes[4], uint32_t *to, size_t n) {
  for (size_t i = 0; i < n; i++)
    to[i] = byte_of(r, planes[0][i]) | byte_of(r, planes[1][i]) << 8 | byte_of(r, planes[2][i]) << 16 |
            byte_of(r, planes[3][i]) << 24;
}

/* Four products of unsigned and signed bytes, modulo 2^32. */
static uint32_t products(uint32_t inputs, uint32_t weights) {
  uint32_t sum = 0;
  for (int j = 0; j < 32; j += 8) sum += (inputs >> j & 255u) * (uint32_t)(int32_t)(int8_t)(weights >> j & 255u);
  return sum;
}

static float finish(uint32_t sum, float scale, float bias, const edgedf_epilogue *e) {
  int32_t number;
  memcpy(&number, &sum, sizeof number);
  float product = (float)number * scale, value = product + bias;
  value = value > e->low_before ? value : e->low_before;
  value = value < e->high_before ? value : e->high_before;
  product = value * e->scale;
  value = product + e->shift;
  value = value > e->low_after ? value : e->low_after;
  return value < e->high_after ? value : e->high_after;
}

static void conv(const edgedf_int8_block *b) {
  for (size_t i = 0; i < b->n; i += TILE) {
    uint32_t sum[BLOCK][TILE];
    for (int c = 0; c < BLOCK; c++)
      for (int j = 0; j < TILE; j++) sum[c][j] = b->start[c];
    for (size_t k = 0; k < b->count; k++) {
      const uint32_t *at = b->source + i + b->offsets[k];
      for (int c = 0; c < BLOCK; c++)
        for (int j = 0; j < TILE; j++) sum[c][j] += products(at[j], b->weights[k * BLOCK + (size_t)c]);
    }
    for (int c = 0; c < BLOCK; c++)
      for (int j = 0; j < TILE; j++)
        b->target[(size_t)c * b->stride + i + (size_t)j] = finish(sum[c][j], b->scale[c], b->bias[c], &b->epilogues[c]);
  }
}

const edgedf_int8_kernels edgedf_int8_portable = {"portable", "int8 portable", BLOCK, 1, 0, widen, quantise, conv};

/* Prints one number for the crop's weights and spans of many sides and sizes; a build that changes one prints another. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "weights.h"

static uint64_t mix(uint64_t hash, uint32_t value) { return (hash ^ value) * UINT64_C(0x100000001b3); }

static uint64_t add(uint64_t hash, int32_t side, int32_t size) {
  edf_weights weights;
  weights.stride = edgedf_crop_weights_stride(side, size);
  const size_t rows = (size_t)size, count = (size_t)weights.stride * rows;
  weights.spans = malloc(rows * sizeof *weights.spans);
  weights.high = malloc(count * sizeof *weights.high);
  weights.low = malloc(count * sizeof *weights.low);
  if (weights.spans == NULL || weights.high == NULL || weights.low == NULL) exit(1);
  edgedf_crop_weights_fill(&weights, side, size);
  for (size_t i = 0; i < count; i++) hash = mix(mix(hash, (uint32_t)weights.high[i]), (uint32_t)weights.low[i]);
  for (size_t i = 0; i < rows; i++)
    hash = mix(mix(hash, (uint32_t)weights.spans[i].first), (uint32_t)weights.spans[i].count);
  free(weights.spans);
  free(weights.high);
  free(weights.low);
  return hash;
}

int main(void) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (int32_t side = 1; side <= 4000; side += 13)
    for (int32_t size = 32; size <= 1024; size += 61) hash = add(hash, side, size);
  printf("%016" PRIx64 "\n", hash);
  return 0;
}

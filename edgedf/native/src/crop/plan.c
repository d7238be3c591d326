#include "plan.h"

#include "edgedf/crop.h"

#define ALIGN 64u

static size_t take(size_t *used, size_t bytes) {
  const size_t at = *used;
  *used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
  return at;
}

/* Lay the plan out from `base` on; returns its bytes. With base NULL only the size is computed. */
static size_t lay_out(edf_plan *plan, uint8_t *base, int32_t side, int32_t size) {
  const int32_t stride = edgedf_crop_weights_stride(side, size);
  const size_t taps = (size_t)stride * (size_t)size;
  size_t used = 0;
  plan->weights.stride = stride;
  plan->ring_rows = stride + EDF_BLOCK;
  plan->plane = ((size_t)size + EDF_TILE - 1) / EDF_TILE * EDF_TILE;
  plan->line_bytes = 3 * plan->plane + EDF_SLACK;
  const size_t spans = take(&used, (size_t)size * sizeof(edf_span));
  const size_t high = take(&used, taps);
  const size_t low = take(&used, taps * sizeof(int16_t));
  const size_t window = take(&used, ((size_t)stride + 1) * sizeof(uint8_t *));
  const size_t table = take(&used, ((size_t)side + 1) * sizeof(uint8_t *));
  const size_t columns = take(&used, edgedf_crop_block_bytes((size_t)side));
  const size_t scratch = take(&used, EDF_SCRATCH);
  const size_t ring = take(&used, (size_t)(plan->ring_rows + 1) * plan->line_bytes);
  const size_t line = take(&used, plan->line_bytes);
  const size_t packed = take(&used, plan->line_bytes);
  if (base == NULL) return used;
  plan->weights.spans = (edf_span *)(void *)(base + spans);
  plan->weights.high = base + high;
  plan->weights.low = (int16_t *)(void *)(base + low);
  plan->window = (const uint8_t **)(void *)(base + window);
  plan->table = (const uint8_t **)(void *)(base + table);
  plan->buffers.columns = base + columns;
  plan->buffers.scratch = base + scratch;
  plan->ring = base + ring;
  plan->line = base + line;
  plan->packed = base + packed;
  return used;
}

edgedf_crop_status edgedf_crop_workspace(int32_t side, int32_t size, size_t *bytes) {
  edf_plan plan;
  if (bytes == NULL) return EDGEDF_CROP_NULL;
  if (side < 1 || side > EDGEDF_CROP_MAX_SIDE) return EDGEDF_CROP_BOX_TOO_LARGE;
  if (size < 1 || size > EDGEDF_CROP_MAX_SIZE) return EDGEDF_CROP_BAD_SIZE;
  *bytes = lay_out(&plan, NULL, side, size) + ALIGN;
  return EDGEDF_CROP_OK;
}

void edgedf_crop_plan(edf_plan *plan, void *workspace, int32_t side, int32_t size) {
  uint8_t *base = workspace;
  lay_out(plan, base + (ALIGN - (uintptr_t)base % ALIGN) % ALIGN, side, size);
}

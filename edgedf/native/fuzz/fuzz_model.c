/* Property: any bytes either get one error from measure and open, or make a model that runs; no call reads or
 * writes outside what it was given. The checksum is repaired first, or the fuzzer would never get past it. */
#include <stdlib.h>
#include <string.h>

#include "edgedf/model.h"

/* Above these, a run is only slow; what it does is the same. */
#define MAX_WEIGHTS 100000u
#define MAX_WORK 4000000u
#define MAX_BYTES (1u << 20)

static uint32_t crc32_of(const uint8_t *bytes, size_t count) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < count; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

static void run_once(const uint8_t *file, size_t size, const char *variant) {
  edgedf_model_needs needs;
  if (edgedf_model_measure(file, size, variant, &needs) != EDGEDF_MODEL_OK) return;
  if (needs.model_bytes > MAX_BYTES || needs.workspace_bytes > MAX_BYTES || needs.weights > MAX_WEIGHTS) return;
  /* Exact allocations: the sanitizer then sees every step too far. */
  uint8_t *memory = malloc(needs.model_bytes), *workspace = malloc(needs.workspace_bytes);
  size_t side = needs.contract.size;
  uint8_t *crop = malloc(side * side * 3);
  edgedf_model *model = NULL;
  if (memory && workspace && crop &&
      edgedf_model_open(file, size, variant, memory, needs.model_bytes, &model) == EDGEDF_MODEL_OK) {
    float logit;
    for (size_t i = 0; i < side * side * 3; i++) crop[i] = (uint8_t)(i % 251);
    for (uint32_t i = 0; i < needs.steps; i++) {
      edgedf_model_step step;
      if (edgedf_model_get_step(model, i, &step) != EDGEDF_MODEL_OK) abort();
    }
    if (needs.work <= MAX_WORK) {
      edgedf_model_status status =
          edgedf_model_run(model, crop, 0, workspace, needs.workspace_bytes, 1, NULL, &logit);
      int finite = logit - logit == 0.0f;
      if (status != (finite ? EDGEDF_MODEL_OK : EDGEDF_MODEL_NOT_FINITE)) abort();
    }
  }
  free(crop);
  free(workspace);
  free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *file = malloc(size ? size : 1);
  if (file == NULL) return 0;
  memcpy(file, data, size);
  if (size >= 16) {
    uint32_t crc = crc32_of(file + 16, size - 16);
    for (size_t i = 0; i < 4; i++) file[12 + i] = (uint8_t)(crc >> 8 * i);
  }
  /* Variants that this processor has not got are refused before the file is read. */
  static const char *const variants[] = {"portable", "portable+float32", "avx2", "neon", NULL};
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) run_once(file, size, variants[i]);
  free(file);
  return 0;
}

/* Property: any bytes either get one error from measure and open, or make a model that runs; no call reads or
 * writes outside what it was given, and the logit's bits depend neither on what was in the memory before nor on the
 * number of threads. The checksum is repaired first, or the fuzzer would never get past it. */
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

/* An executor without threads: the last task first, as any order must do. */
static void in_turn(void *context, void (*task)(void *argument, uint32_t index), void *argument, uint32_t count) {
  (void)context;
  while (count-- > 0) task(argument, count);
}

typedef struct answer {
  edgedf_model_status status;
  uint32_t bits; /* of the logit; 0 without one */
} answer;

/* One run in a workspace that holds nothing but bytes `fill`. */
static answer run_filled(const edgedf_model *model, const edgedf_model_needs *needs, const uint8_t *crop, int fill,
                         uint32_t threads) {
  static const edgedf_executor executor = {in_turn, NULL};
  /* As much as the engine asked for and no more: the sanitizer reports every access beyond. */
  size_t bytes = edgedf_model_workspace(needs, threads);
  uint8_t *workspace = malloc(bytes);
  answer got = {EDGEDF_MODEL_NO_MEMORY, 0};
  float logit;
  if (workspace == NULL) return got;
  memset(workspace, fill, bytes);
  got.status = edgedf_model_run(model, crop, 0, workspace, bytes, threads, threads > 1 ? &executor : NULL, &logit);
  if (got.status == EDGEDF_MODEL_OK) {
    if (logit - logit != 0.0f) abort();
    memcpy(&got.bits, &logit, sizeof logit);
  } else if (got.status != EDGEDF_MODEL_NOT_FINITE) {
    abort();
  }
  free(workspace);
  return got;
}

/* Whatever the engine reads without having written it is once not a number, and once zero. */
static void run_twice(const edgedf_model *model, const edgedf_model_needs *needs) {
  size_t bytes = (size_t)needs->contract.size * needs->contract.size * 3;
  uint8_t *crop = malloc(bytes);
  if (crop == NULL) return;
  for (size_t i = 0; i < bytes; i++) crop[i] = (uint8_t)(i % 251);
  answer one = run_filled(model, needs, crop, 0xff, 1), two = run_filled(model, needs, crop, 0, 2);
  if (one.status != two.status || one.bits != two.bits) abort();
  free(crop);
}

static void try_variant(const uint8_t *file, size_t size, const char *variant) {
  edgedf_model_needs needs;
  if (edgedf_model_measure(file, size, variant, &needs) != EDGEDF_MODEL_OK) return;
  if (needs.model_bytes > MAX_BYTES || needs.workspace_bytes > MAX_BYTES || needs.weights > MAX_WEIGHTS) return;
  uint8_t *memory = malloc(needs.model_bytes);
  edgedf_model *model = NULL;
  if (memory == NULL) return;
  memset(memory, 0xff, needs.model_bytes);
  if (edgedf_model_open(file, size, variant, memory, needs.model_bytes, &model) == EDGEDF_MODEL_OK) {
    for (uint32_t i = 0; i < needs.steps; i++) {
      edgedf_model_step step;
      if (edgedf_model_get_step(model, i, &step) != EDGEDF_MODEL_OK) abort();
    }
    if (needs.work <= MAX_WORK) run_twice(model, &needs);
  }
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
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) try_variant(file, size, variants[i]);
  free(file);
  return 0;
}

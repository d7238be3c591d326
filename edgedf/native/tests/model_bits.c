/* Prints, for every kernel variant of this processor, the bits of each named model's logit for one crop made
 * by rule, and what multiplies bytes, or "floats". Run on two processors, the "portable" lines must be equal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgedf/model.h"

static const char *const variants[] = {"portable", "avx2", "avx512", "neon"};

/* The instruction set of the model's first 8-bit layer. */
static const char *bytes_by(const edgedf_model *model, uint32_t steps) {
  edgedf_model_step step;
  for (uint32_t i = 0; i < steps; i++)
    if (edgedf_model_get_step(model, i, &step) == EDGEDF_MODEL_OK && strncmp(step.kernel, "int8 ", 5) == 0)
      return step.kernel + 5;
  return "floats";
}

static int print_bits(const char *name, const uint8_t *file, size_t bytes, const char *variant) {
  edgedf_model_needs needs;
  edgedf_model *model = NULL;
  if (edgedf_model_variant(variant) == NULL) return 0;
  if (edgedf_model_measure(file, bytes, variant, &needs) != EDGEDF_MODEL_OK) return 1;
  size_t pixels = (size_t)needs.contract.size * needs.contract.size * 3;
  uint8_t *memory = malloc(needs.model_bytes), *workspace = malloc(needs.workspace_bytes), *crop = malloc(pixels);
  float logit = 0;
  uint32_t bits = 0;
  int bad = memory == NULL || workspace == NULL || crop == NULL;
  for (size_t i = 0; !bad && i < pixels; i++) crop[i] = (uint8_t)(i * 7 % 251);
  if (!bad) bad = edgedf_model_open(file, bytes, variant, memory, needs.model_bytes, &model) != EDGEDF_MODEL_OK;
  if (!bad) bad = edgedf_model_run(model, crop, 0, workspace, needs.workspace_bytes, 1, NULL, &logit) != EDGEDF_MODEL_OK;
  memcpy(&bits, &logit, sizeof bits);
  if (!bad)
    printf("%s %s %08x %.9g %s\n", name, variant, (unsigned)bits, (double)logit, bytes_by(model, needs.steps));
  free(crop);
  free(workspace);
  free(memory);
  return bad;
}

int main(int argc, char **argv) {
  static uint8_t file[1u << 24];
  for (int i = 1; i < argc; i++) {
    FILE *stream = fopen(argv[i], "rb");
    if (stream == NULL) return 2;
    size_t bytes = fread(file, 1, sizeof file, stream);
    fclose(stream);
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++)
      if (print_bits(argv[i], file, bytes, variants[v]) != 0) return 1;
  }
  return 0;
}

/* Prints how many bytes of stack measure, then open and run, of the named model take on a thread of their own. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgedf/model.h"

#define STACK_BYTES ((size_t)1 << 20)
#define UNTOUCHED 0xa5u

static uint8_t file[1u << 20];
static size_t file_bytes;
static edgedf_model_needs needs;

static void *nothing(void *unused) { return unused; }

static void *measure(void *unused) {
  if (edgedf_model_measure(file, file_bytes, NULL, &needs) != EDGEDF_MODEL_OK) abort();
  return unused;
}

static void *open_and_run(void *unused) {
  size_t side = needs.contract.size;
  void *memory = malloc(needs.model_bytes), *workspace = malloc(needs.workspace_bytes);
  uint8_t *crop = calloc(side * side, 3);
  edgedf_model *model = NULL;
  float logit;
  if (memory == NULL || workspace == NULL || crop == NULL) abort();
  if (edgedf_model_open(file, file_bytes, NULL, memory, needs.model_bytes, &model) != EDGEDF_MODEL_OK) abort();
  if (edgedf_model_run(model, crop, 0, workspace, needs.workspace_bytes, 1, NULL, &logit) != EDGEDF_MODEL_OK) abort();
  free(crop);
  free(workspace);
  free(memory);
  return unused;
}

/* Stacks grow down: the lowest byte that changed is the deepest one used. */
static size_t stack_of(void *(*work)(void *)) {
  pthread_attr_t attributes;
  pthread_t thread;
  void *stack = NULL;
  if (posix_memalign(&stack, 4096, STACK_BYTES) != 0) abort();
  memset(stack, UNTOUCHED, STACK_BYTES);
  if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstack(&attributes, stack, STACK_BYTES) != 0) abort();
  if (pthread_create(&thread, &attributes, work, NULL) != 0 || pthread_join(thread, NULL) != 0) abort();
  const uint8_t *bytes = stack;
  size_t free_bytes = 0;
  while (free_bytes < STACK_BYTES && bytes[free_bytes] == UNTOUCHED) free_bytes++;
  free(stack);
  return STACK_BYTES - free_bytes;
}

int main(int argc, char **argv) {
  FILE *stream = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (stream == NULL) return 2;
  file_bytes = fread(file, 1, sizeof file, stream);
  fclose(stream);
  size_t thread = stack_of(nothing), first = stack_of(measure), second = stack_of(open_and_run);
  printf("%zu %zu\n", first - thread, second - thread);
  return 0;
}

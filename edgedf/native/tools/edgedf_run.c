/* edgedf-run: one raw camera frame and a face box in, the verdict as JSON out. No Python, no other files.
 * `edgedf-run --help` lists the arguments (run_options.c).
 *
 * Exit codes: 0 a verdict was printed, 2 bad input or a model that gives no finite logit, 3 out of memory. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edgedf/crop.h"
#include "edgedf/model.h"
#include "edgedf/threads.h"
#include "run_options.h"

/* A whole file; the caller frees it. NULL after printing why, with the exit code in *code. */
static uint8_t *read_file(const char *path, int standard_input, size_t *bytes, int *code) {
  FILE *file = standard_input ? stdin : fopen(path, "rb");
  size_t capacity = 1u << 16, used = 0;
  const char *why = file == NULL ? strerror(errno) : NULL;
  *code = file == NULL && errno == ENOMEM ? 3 : 2;
  uint8_t *data = why == NULL ? malloc(capacity) : NULL;
  while (data != NULL) {
    used += fread(data + used, 1, capacity - used, file);
    if (used < capacity) break;
    if (capacity >= RUN_MAX_FILE) why = "is larger than 1 GiB";
    uint8_t *larger = why == NULL ? realloc(data, capacity *= 2) : NULL;
    if (larger == NULL) free(data);
    data = larger;
  }
  if (data != NULL && ferror(file)) {
    why = strerror(errno);
    free(data);
    data = NULL;
  }
  if (file != NULL && file != stdin) fclose(file);
  if (data == NULL) *code = run_fail(why == NULL ? 3 : *code, path, why == NULL ? "not enough memory to read it" : why);
  *bytes = used;
  return data;
}

/* The crop, allocated; NULL after printing why. */
static uint8_t *make_crop(const edgedf_frame *frame, edgedf_box box, const edgedf_model_contract *contract) {
  edgedf_crop_request request = {box, contract->box_scale, (int32_t)contract->size, EDGEDF_CROP_U8_NHWC, 0, 0};
  edgedf_square square;
  size_t bytes = (size_t)contract->size * contract->size * 3, space = 0;
  int32_t status = edgedf_crop_square(&box, request.box_scale, &square);
  if (status == 0) status = edgedf_crop_workspace(square.side, request.size, &space);
  if (status != 0) {
    run_fail(2, "box", edgedf_crop_status_text(status));
    return NULL;
  }
  uint8_t *crop = malloc(bytes), *workspace = malloc(space);
  if (crop == NULL || workspace == NULL)
    run_fail(3, "frame", "not enough memory to crop it");
  else if ((status = edgedf_crop(frame, &request, workspace, space, crop, bytes)) != 0)
    run_fail(2, "frame", edgedf_crop_status_text(status));
  free(workspace);
  if (crop != NULL && workspace != NULL && status == 0) return crop;
  free(crop);
  return NULL;
}

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int by_size(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

/* The model's answer, and how long each of `repeat` runs took. */
static edgedf_model_status run_model(const edgedf_model *model, const edgedf_model_needs *needs, const uint8_t *crop,
                                     uint32_t threads, int32_t repeat, double *times, float *logit) {
  edgedf_pool *pool = threads > 1 ? edgedf_pool_start(threads) : NULL;
  if (pool == NULL) threads = 1;
  size_t bytes = edgedf_model_workspace(needs, threads);
  void *workspace = bytes > 0 ? malloc(bytes) : NULL;
  edgedf_model_status status = workspace == NULL ? EDGEDF_MODEL_NO_MEMORY : EDGEDF_MODEL_OK;
  for (int32_t i = 0; i < repeat && status == EDGEDF_MODEL_OK; i++) {
    double start = milliseconds();
    status = edgedf_model_run(model, crop, 0, workspace, bytes, threads, edgedf_pool_executor(pool), logit);
    times[i] = milliseconds() - start;
  }
  free(workspace);
  edgedf_pool_stop(pool);
  return status;
}

static int print_verdict(const edgedf_model *model, const edgedf_model_needs *needs, const uint8_t *crop,
                         const run_options *options) {
  float logit = 0;
  double *times = malloc(sizeof *times * (size_t)options->repeat);
  if (times == NULL) return run_fail(3, "--repeat", "not enough memory");
  edgedf_model_status status =
      run_model(model, needs, crop, (uint32_t)options->threads, options->repeat, times, &logit);
  if (status == EDGEDF_MODEL_OK) {
    const edgedf_model_contract *contract = &needs->contract;
    printf("{\"logit\": %.9g, \"score\": %.6f, \"threshold\": %.6g, \"label\": \"%s\", \"kernels\": \"%s\"", (double)logit,
           edgedf_model_score(contract, logit), contract->threshold,
           edgedf_model_is_fake(contract, logit) ? "fake" : "real", edgedf_model_variant(options->kernels));
    if (options->repeat > 1) {
      qsort(times, (size_t)options->repeat, sizeof *times, by_size);
      printf(", \"median_ms\": %.4f, \"fastest_ms\": %.4f", times[options->repeat / 2], times[0]);
    }
    puts("}");
  }
  free(times);
  if (status == EDGEDF_MODEL_OK) return fflush(stdout) == 0 ? 0 : run_fail(2, "standard output", strerror(errno));
  if (status == EDGEDF_MODEL_NO_MEMORY) return run_fail(3, options->model, "not enough memory to run it");
  return run_fail(2, options->model, edgedf_model_status_text(status));
}

/* Open the model and crop the frame, then answer. Exit code. */
static int detect(run_options *options, const uint8_t *file, size_t file_bytes, const uint8_t *data, size_t bytes) {
  edgedf_model_needs needs;
  edgedf_model *model = NULL;
  edgedf_model_status status = edgedf_model_measure(file, file_bytes, options->kernels, &needs);
  if (status != EDGEDF_MODEL_OK) return run_fail(2, options->model, edgedf_model_status_text(status));
  int code = run_set_planes(options, data, bytes);
  if (code != 0) return code;
  code = 2;
  void *memory = malloc(needs.model_bytes);
  if (memory == NULL) return run_fail(3, options->model, "not enough memory to open it");
  status = edgedf_model_open(file, file_bytes, options->kernels, memory, needs.model_bytes, &model);
  if (status != EDGEDF_MODEL_OK) {
    run_fail(2, options->model, edgedf_model_status_text(status));
  } else {
    uint8_t *crop = make_crop(&options->frame, options->box, &needs.contract);
    if (crop != NULL) code = print_verdict(model, &needs, crop, options);
    free(crop);
  }
  free(memory);
  return code;
}

int main(int argc, char **argv) {
  run_options options;
  int code = run_parse(argc, argv, &options);
  if (code != 0) return code < 0 ? 0 : code;
  size_t file_bytes = 0, bytes = 0;
  uint8_t *file = read_file(options.model, 0, &file_bytes, &code), *data = NULL;
  if (file != NULL) data = read_file(options.frame_path, strcmp(options.frame_path, "-") == 0, &bytes, &code);
  if (data != NULL) code = detect(&options, file, file_bytes, data, bytes);
  free(data);
  free(file);
  return code;
}

/* edgedf-run: one raw camera frame and a face box in, the verdict as JSON out. No Python, no other files.
 *
 *   edgedf-run MODEL.edgedfm FRAME FORMAT WIDTH HEIGHT X Y BOX_WIDTH BOX_HEIGHT [ROTATION [THREADS]]
 *
 * FRAME: raw bytes, rows without gaps. FORMAT: rgba, bgra, rgb, gray, nv21, nv12 or i420. The box is in pixels
 * of the upright image. ROTATION: degrees clockwise that make the frame upright. "-" reads the frame from stdin.
 * Exit codes: 0 a verdict was printed, 2 bad input or a model that gives no finite logit, 3 out of memory. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgedf/crop.h"
#include "edgedf/model.h"
#include "edgedf/threads.h"

#define MAX_FILE (1u << 30)

static const char usage[] =
    "usage: edgedf-run MODEL.edgedfm FRAME FORMAT WIDTH HEIGHT X Y BOX_WIDTH BOX_HEIGHT [ROTATION [THREADS]]\n"
    "FORMAT is one of rgba bgra rgb gray nv21 nv12 i420; FRAME '-' reads standard input\n"
    "Example: edgedf-run mesonet.edgedfm frame.nv21 nv21 1920 1080 700 300 320 400 90\n";

static int fail(int code, const char *what, const char *why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  return code;
}

/* A whole file; the caller frees it. NULL if it cannot be read or is larger than MAX_FILE. */
static uint8_t *read_file(const char *path, size_t *bytes) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
  size_t capacity = 1u << 16, used = 0;
  uint8_t *data = file ? malloc(capacity) : NULL;
  while (data != NULL) {
    used += fread(data + used, 1, capacity - used, file);
    if (used < capacity) break;
    uint8_t *larger = capacity >= MAX_FILE ? NULL : realloc(data, capacity *= 2);
    if (larger == NULL) free(data);
    data = larger;
  }
  if (data != NULL && ferror(file)) {
    free(data);
    data = NULL;
  }
  if (file != NULL && file != stdin) fclose(file);
  *bytes = used;
  return data;
}

/* A number that is the whole text, or NaN. */
static double number(const char *text) {
  char *end;
  double value = strtod(text, &end);
  return *text != '\0' && *end == '\0' ? value : strtod("nan", NULL);
}

static int32_t whole(const char *text, double low, double high) {
  double value = number(text);
  return value >= low && value <= high && value == (double)(int32_t)value ? (int32_t)value : -1;
}

/* Lay the planes of a packed frame out; 0 if the format is unknown or the file has another size. */
static int set_planes(edgedf_frame *frame, const char *format, const uint8_t *data, size_t bytes) {
  static const char *const names[] = {"rgba", "bgra", "rgb", "gray", "nv21", "nv12", "i420"};
  static const int64_t widths[] = {4, 4, 3, 1};
  int64_t w = frame->width, h = frame->height, cw = (w + 1) / 2, ch = (h + 1) / 2;
  int32_t f = 0;
  while (f < 7 && strcmp(format, names[f]) != 0) f++;
  frame->format = f;
  if (f < 4) {
    frame->planes[0] = (edgedf_plane){data, bytes, w * widths[f], 0};
    return bytes == (size_t)(w * h * widths[f]);
  }
  if (f == 7 || bytes != (size_t)(w * h + 2 * cw * ch)) return 0;
  const uint8_t *chroma = data + w * h;
  frame->planes[0] = (edgedf_plane){data, (size_t)(w * h), w, 0};
  frame->planes[1] = (edgedf_plane){chroma, (size_t)((f == 6 ? 1 : 2) * cw * ch), f == 6 ? cw : 2 * cw, 0};
  if (f == 6) frame->planes[2] = (edgedf_plane){chroma + cw * ch, (size_t)(cw * ch), cw, 0};
  return 1;
}

/* The crop, allocated; NULL after printing why. */
static uint8_t *make_crop(const edgedf_frame *frame, edgedf_box box, const edgedf_model_contract *contract) {
  edgedf_crop_request request = {box, contract->box_scale, (int32_t)contract->size, EDGEDF_CROP_U8_NHWC, 0, 0};
  edgedf_square square;
  size_t bytes = (size_t)contract->size * contract->size * 3, space = 0;
  int32_t status = edgedf_crop_square(&box, request.box_scale, &square);
  if (status == 0) status = edgedf_crop_workspace(square.side, request.size, &space);
  if (status == 0) {
    uint8_t *crop = malloc(bytes), *workspace = malloc(space);
    if (crop != NULL && workspace != NULL) status = edgedf_crop(frame, &request, workspace, space, crop, bytes);
    free(workspace);
    if (crop != NULL && status == 0) return crop;
    free(crop);
  }
  fail(2, "frame", edgedf_crop_status_text(status));
  return NULL;
}

static int print_verdict(const edgedf_model_needs *needs, const edgedf_model *model, const uint8_t *crop,
                         uint32_t threads) {
  edgedf_pool *pool = threads > 1 ? edgedf_pool_start(threads) : NULL;
  if (pool == NULL) threads = 1;
  size_t bytes = needs->workspace_bytes + (threads - 1) * needs->bytes_per_thread;
  void *workspace = malloc(bytes);
  float logit = 0;
  edgedf_model_status status = EDGEDF_MODEL_NO_MEMORY;
  if (workspace != NULL)
    status = edgedf_model_run(model, crop, 0, workspace, bytes, threads, edgedf_pool_executor(pool), &logit);
  free(workspace);
  edgedf_pool_stop(pool);
  if (status != EDGEDF_MODEL_OK)
    return fail(status == EDGEDF_MODEL_NO_MEMORY ? 3 : 2, "run", edgedf_model_status_text(status));
  double score = edgedf_model_score(&needs->contract, logit);
  printf("{\"logit\": %.9g, \"score\": %.6f, \"threshold\": %.6g, \"label\": \"%s\", \"kernels\": \"%s\"}\n",
         (double)logit, score, needs->contract.threshold, edgedf_model_is_fake(&needs->contract, logit) ? "fake" : "real",
         edgedf_model_variant(NULL));
  return 0;
}

static int detect(const uint8_t *file, size_t file_bytes, const uint8_t *data, size_t bytes, char **argv, int argc) {
  edgedf_model_needs needs;
  edgedf_model *model = NULL;
  edgedf_model_status status = edgedf_model_measure(file, file_bytes, NULL, &needs);
  if (status != EDGEDF_MODEL_OK) return fail(2, argv[1], edgedf_model_status_text(status));
  edgedf_frame frame = {whole(argv[4], 1, 32768), whole(argv[5], 1, 32768), 0, EDGEDF_BT601, 0, 0, {{NULL, 0, 0, 0}}};
  frame.rotation = argc > 10 ? whole(argv[10], 0, 270) : 0;
  int32_t threads = argc > 11 ? whole(argv[11], 1, EDGEDF_MODEL_MAX_THREADS) : 1;
  edgedf_box box = {number(argv[6]), number(argv[7]), number(argv[8]), number(argv[9])};
  if (frame.width < 0 || frame.height < 0 || frame.rotation < 0 || threads < 0) return fail(2, "arguments", usage);
  if (!set_planes(&frame, argv[3], data, bytes))
    return fail(2, argv[2], "unknown format, or not width x height pixels of it");
  void *memory = malloc(needs.model_bytes);
  uint8_t *crop = make_crop(&frame, box, &needs.contract);
  int code = 2;
  if (memory == NULL) {
    code = fail(3, argv[1], "not enough memory");
  } else if (crop != NULL) {
    status = edgedf_model_open(file, file_bytes, NULL, memory, needs.model_bytes, &model);
    code = status == EDGEDF_MODEL_OK ? print_verdict(&needs, model, crop, (uint32_t)threads)
                                     : fail(2, argv[1], edgedf_model_status_text(status));
  }
  free(crop);
  free(memory);
  return code;
}

int main(int argc, char **argv) {
  if (argc < 10 || argc > 12) {
    fputs(usage, stderr);
    return 2;
  }
  size_t file_bytes = 0, bytes = 0;
  uint8_t *file = read_file(argv[1], &file_bytes), *data = file ? read_file(argv[2], &bytes) : NULL;
  int code = file == NULL   ? fail(2, argv[1], "cannot be read")
             : data == NULL ? fail(2, argv[2], "cannot be read")
                            : detect(file, file_bytes, data, bytes, argv, argc);
  free(data);
  free(file);
  return code;
}

/* crop_vectors FILE: makes every crop of the vector file, with every set of instructions this processor can do
 * without, and compares hashes. The same file serves every language; tests/native/crop_vectors.py wrote it.
 * Planes have the least bytes that their strides allow. They, the workspace and the output first end where memory
 * ends, then begin where it begins. */
#define _DEFAULT_SOURCE /* mmap with -std=c99 */
#define _DARWIN_C_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "edgedf/crop.h"
#include "guarded.h"

#define PLANE_BYTES (2 << 20)
#define WORKSPACE_BYTES (8 << 20)
#define MAX_SIZE 300

static guarded planes[3], workspace, output;

typedef struct vector {
  edgedf_frame frame; /* without memory */
  int32_t shared;     /* U and V in plane 1's memory, one byte apart: 1 with U first, 2 with V first; else 0 */
  edgedf_crop_request request;
  uint64_t hash;
} vector;

static uint64_t fnv1a(const uint8_t *bytes, size_t count) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* `bytes` bytes by the file's rule: byte i of plane p. */
static const uint8_t *plane_memory(uint32_t p, size_t bytes, int at_end) {
  uint8_t *memory = guarded_place(&planes[p], bytes, at_end);
  for (size_t i = 0; memory != NULL && i < bytes; i++)
    memory[i] = (uint8_t)(((uint32_t)i + 977 * p) * 2654435761u >> 13);
  return memory;
}

static int plane_count(int32_t format) { return format < 4 ? 1 : format < 6 ? 2 : 3; }

static void set_bytes(edgedf_frame *frame, int p) {
  const int32_t format = frame->format, half = p > 0;
  const int64_t sample = half ? 1 + (format < 6) : format < 2 ? 4 : format == 2 ? 3 : 1;
  const int64_t columns = (frame->width + half) >> half, rows = (frame->height + half) >> half;
  edgedf_plane *plane = &frame->planes[p];
  plane->bytes = (size_t)((rows - 1) * plane->row_stride + (columns - 1) * plane->pixel_stride + sample);
}

/* 0 if memory was found for every plane. */
static int set_planes(vector *job, int at_end) {
  edgedf_plane *all = job->frame.planes;
  const int count = plane_count(job->frame.format);
  for (int p = 0; p < count; p++) set_bytes(&job->frame, p);
  for (int p = 0; p < count; p++) all[p].data = job->shared ? NULL : plane_memory((uint32_t)p, all[p].bytes, at_end);
  if (job->shared && count == 3) {
    const size_t u = job->shared == 2, v = job->shared == 1, u_end = u + all[1].bytes, v_end = v + all[2].bytes;
    const uint8_t *both = plane_memory(1, u_end > v_end ? u_end : v_end, at_end);
    all[0].data = plane_memory(0, all[0].bytes, at_end);
    all[1].data = both == NULL ? NULL : both + u;
    all[2].data = both == NULL ? NULL : both + v;
  }
  for (int p = 0; p < count; p++)
    if (all[p].data == NULL) return 1;
  return 0;
}

/* The crop as `layout`, or NULL. Memory: what the core asks for, no byte more. */
static const void *crop(vector *job, int32_t layout, int at_end) {
  size_t room = 0, bytes = 0;
  edgedf_square square;
  job->request.output = layout;
  if (edgedf_crop_square(&job->request.box, job->request.box_scale, &square) != EDGEDF_CROP_OK ||
      edgedf_crop_workspace(square.side, job->request.size, &room) != EDGEDF_CROP_OK ||
      edgedf_crop_output_bytes(job->request.size, layout, &bytes) != EDGEDF_CROP_OK)
    return NULL;
  void *work = guarded_place(&workspace, room, at_end), *made = guarded_place(&output, bytes, at_end);
  if (work == NULL || made == NULL) return NULL;
  return edgedf_crop(&job->frame, &job->request, work, room, made, bytes) == EDGEDF_CROP_OK ? made : NULL;
}

/* 0 if the crop has the file's hash, as bytes and as float planes, without the instructions in `without`. */
static int check(vector *job, uint32_t without, int at_end) {
  static uint8_t bytes[3 * MAX_SIZE * MAX_SIZE];
  const size_t plane = (size_t)job->request.size * (size_t)job->request.size;
  job->request.without = without;
  const uint8_t *made = crop(job, EDGEDF_CROP_U8_NHWC, at_end);
  if (made == NULL || fnv1a(made, 3 * plane) != job->hash) return 1;
  memcpy(bytes, made, 3 * plane);
  const float *floats = crop(job, EDGEDF_CROP_F32_NCHW, at_end);
  for (size_t i = 0; floats != NULL && i < 3 * plane; i++)
    if (floats[i] != (float)bytes[i % plane * 3 + i / plane]) return 1;
  return floats == NULL;
}

/* 0 if the line is a vector. */
static int parse(const char *line, vector *job) {
  edgedf_frame *frame = &job->frame;
  edgedf_plane *all = frame->planes;
  edgedf_crop_request *request = &job->request;
  memset(job, 0, sizeof *job);
  const int read = sscanf(
      line,
      "%" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd64 " %" SCNd64 " %" SCNd64
      " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd32 " %lf %lf %lf %lf %lf %" SCNd32 " %" SCNx64,
      &frame->format, &frame->width, &frame->height, &frame->rotation, &frame->mirrored, &frame->matrix,
      &all[0].row_stride, &all[0].pixel_stride, &all[1].row_stride, &all[1].pixel_stride, &all[2].row_stride,
      &all[2].pixel_stride, &job->shared, &request->box.x, &request->box.y, &request->box.width,
      &request->box.height, &request->box_scale, &request->size, &job->hash);
  return read != 20 || frame->format < 0 || frame->format > 7 || request->size > MAX_SIZE;
}

int main(int count, char **arguments) {
  FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
  if (file == NULL) {
    fprintf(stderr, "usage: crop_vectors FILE\n");
    return 2;
  }
  for (int p = 0; p < 3; p++) planes[p] = guarded_make(PLANE_BYTES);
  workspace = guarded_make(WORKSPACE_BYTES);
  output = guarded_make(sizeof(float) * 3 * MAX_SIZE * MAX_SIZE);
  char line[256];
  vector job;
  int crops = 0, wrong = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == '#') continue;
    if (parse(line, &job) != 0) {
      fprintf(stderr, "not a vector: %s", line);
      return 2;
    }
    for (int at_end = 1; at_end >= 0; at_end--) {
      const int placed = set_planes(&job, at_end) == 0;
      for (uint32_t without = 0; without < 8; without++) {
        if ((without & ~edgedf_crop_cpu()) != 0) continue; /* the processor does without them anyway */
        crops++;
        if (placed && check(&job, without, at_end) == 0) continue;
        wrong++;
        fprintf(stderr, "differs without %u: %s", (unsigned)without, line);
      }
    }
  }
  fclose(file);
  printf("%d crops, %d wrong, processor features %u\n", crops, wrong, (unsigned)edgedf_crop_cpu());
  return wrong != 0 || crops == 0;
}

/* crop_vectors FILE: makes every crop of the vector file, with every set of instructions this processor can do
 * without, and compares hashes. The same file serves every language; tests/native/crop_vectors.py wrote it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgedf/crop.h"

#define PLANE_BYTES (1 << 20)
#define MAX_SIZE 300

static uint8_t planes[3][PLANE_BYTES], output[3 * MAX_SIZE * MAX_SIZE], workspace[8 << 20];
static float floats[3 * MAX_SIZE * MAX_SIZE];

/* Byte i of plane p. */
static uint8_t rule(uint32_t i, uint32_t p) { return (uint8_t)((i + 977 * p) * 2654435761u >> 13); }

static uint64_t fnv1a(const uint8_t *bytes, size_t count) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < count; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* Packed planes in the order of the format; chroma pixel stride 2 for YUV_420_888. */
static void set_planes(edgedf_frame *frame) {
  static const int64_t first_step[8] = {4, 4, 3, 1, 1, 1, 1, 1}, chroma_step[8] = {0, 0, 0, 0, 2, 2, 1, 2};
  for (int p = 0; p < 3; p++) {
    edgedf_plane *plane = &frame->planes[p];
    plane->data = planes[p];
    plane->bytes = PLANE_BYTES;
    plane->pixel_stride = p == 0 ? first_step[frame->format] : chroma_step[frame->format];
    plane->row_stride = plane->pixel_stride * (p == 0 ? frame->width : (frame->width + 1) / 2);
  }
}

/* 0 if the crop has this hash, as bytes and as float planes, without the instructions in `without`. */
static int check(const edgedf_frame *frame, edgedf_crop_request *request, uint32_t without, uint64_t hash) {
  const size_t plane = (size_t)request->size * (size_t)request->size;
  request->without = without;
  request->output = EDGEDF_CROP_U8_NHWC;
  if (edgedf_crop(frame, request, workspace, sizeof workspace, output, sizeof output) != EDGEDF_CROP_OK) return 1;
  if (fnv1a(output, 3 * plane) != hash) return 1;
  request->output = EDGEDF_CROP_F32_NCHW;
  if (edgedf_crop(frame, request, workspace, sizeof workspace, floats, sizeof floats) != EDGEDF_CROP_OK) return 1;
  for (size_t i = 0; i < 3 * plane; i++)
    if (floats[i] != (float)output[i % plane * 3 + i / plane]) return 1;
  return 0;
}

int main(int count, char **arguments) {
  FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
  if (file == NULL) {
    fprintf(stderr, "usage: crop_vectors FILE\n");
    return 2;
  }
  for (uint32_t p = 0; p < 3; p++)
    for (uint32_t i = 0; i < PLANE_BYTES; i++) planes[p][i] = rule(i, p);
  char line[256];
  int crops = 0, wrong = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    edgedf_frame frame;
    edgedf_crop_request request;
    uint64_t hash;
    memset(&frame, 0, sizeof frame);
    memset(&request, 0, sizeof request);
    if (line[0] == '#') continue;
    if (sscanf(line, "%" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd32 " %" SCNd32
                     " %lf %lf %lf %lf %lf %" SCNd32 " %" SCNx64,
               &frame.format, &frame.width, &frame.height, &frame.rotation, &frame.mirrored, &frame.matrix,
               &request.box.x, &request.box.y, &request.box.width, &request.box.height, &request.box_scale,
               &request.size, &hash) != 13 ||
        frame.format < 0 || frame.format > 7) {
      fprintf(stderr, "not a vector: %s", line);
      return 2;
    }
    set_planes(&frame);
    for (uint32_t without = 0; without < 8; without++, crops++)
      if (check(&frame, &request, without, hash) != 0) {
        wrong++;
        fprintf(stderr, "differs without %u: %s", (unsigned)without, line);
      }
  }
  fclose(file);
  printf("%d crops, %d wrong, processor features %u\n", crops, wrong, (unsigned)edgedf_crop_cpu());
  return wrong != 0 || crops == 0;
}

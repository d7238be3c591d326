/* Property: whatever the arguments say, edgedf_crop reads only inside the planes and writes only inside the
 * workspace and output, a refused call leaves the output alone, and every instruction set gives the same bytes.
 * Each buffer is its own allocation, so that AddressSanitizer sees one byte too far. */
#include <stdlib.h>
#include <string.h>

#include "edgedf/crop.h"

/* Wide enough for two strips of columns, high enough for two blocks of rows, large enough for whole vectors. */
#define MAX_SIDE 320
#define MAX_SIZE 72

typedef struct input {
  const uint8_t *data;
  size_t left;
} input;

static uint32_t number(input *in, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes && in->left > 0; i++, in->left--) value = value << 8 | *in->data++;
  return value;
}

/* Mostly plausible numbers; now and then any double there is. */
static double coordinate(input *in, int shift) {
  if (number(in, 1) < 250) return ((double)(int16_t)number(in, 2) + shift) / 256;
  const uint64_t bits = (uint64_t)number(in, 4) << 32 | number(in, 4);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static int64_t stride(input *in, int64_t natural) {
  const uint32_t kind = number(in, 1);
  if (kind < 200) return natural + kind % 4;
  return kind < 250 ? (int64_t)number(in, 2) : (int64_t)((uint64_t)number(in, 4) << 32 | number(in, 4));
}

/* A side of a frame: small, now and then larger, or any number there is. */
static int32_t side_of_frame(input *in, uint32_t larger) {
  const uint32_t side = number(in, 1) % 48 + 1, kind = number(in, 1);
  return kind > 250 ? (int32_t)number(in, 4) : (int32_t)(kind > 230 ? side * larger : side);
}

/* Memory of exactly this size, with a pattern in it that is made once. */
static uint8_t *filled(size_t bytes, uint32_t seed) {
  static uint8_t pattern[1 << 16];
  for (uint32_t i = 0; pattern[1] == 0 && i < sizeof pattern; i++)
    pattern[sizeof pattern - 1 - i] = (uint8_t)(i * 2654435761u >> 13);
  uint8_t *memory = malloc(bytes ? bytes : 1);
  if (memory == NULL) abort();
  for (size_t at = 0; at < bytes;) {
    const size_t from = (at + seed) % sizeof pattern, rest = sizeof pattern - from;
    const size_t n = bytes - at < rest ? bytes - at : rest;
    memcpy(memory + at, pattern + from, n);
    at += n;
  }
  return memory;
}

static void fill_frame(input *in, edgedf_frame *frame) {
  frame->format = (int32_t)number(in, 1) % 9;
  frame->width = side_of_frame(in, 6);
  frame->height = side_of_frame(in, 2);
  frame->matrix = (int32_t)number(in, 1) % 3;
  frame->rotation = (int32_t)(number(in, 1) % 5) * 90;
  frame->mirrored = (int32_t)number(in, 1) % 3;
  for (int i = 0; i < 3; i++) {
    edgedf_plane *plane = &frame->planes[i];
    const int64_t sample = frame->format < 2 ? 4 : frame->format == 2 ? 3 : i > 0 && frame->format < 6 ? 2 : 1;
    plane->pixel_stride = number(in, 1) < 128 ? 0 : stride(in, sample);
    const int64_t step = plane->pixel_stride > 0 && plane->pixel_stride < 64 ? plane->pixel_stride : sample;
    plane->row_stride = stride(in, step * (frame->width > 0 && frame->width < 1000 ? frame->width : 1));
    const uint32_t kind = number(in, 1);
    const int64_t rows = frame->height > 0 && frame->height < 1000 ? frame->height : 1;
    plane->bytes = number(in, 2);
    if (kind < 230 && plane->row_stride > 0 && plane->row_stride < 10000)
      plane->bytes = (size_t)(plane->row_stride * rows);
    plane->data = kind == 255 ? NULL : filled(plane->bytes, (uint32_t)i * 977);
  }
}

static size_t workspace_for(const edgedf_crop_request *request, int *too_slow) {
  edgedf_square square;
  size_t bytes = 64;
  if (edgedf_crop_square(&request->box, request->box_scale, &square) != EDGEDF_CROP_OK) return bytes;
  *too_slow = square.side > MAX_SIDE || request->size > MAX_SIZE;
  if (*too_slow || edgedf_crop_workspace(square.side, request->size, &bytes) != EDGEDF_CROP_OK) return 64;
  return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  edgedf_frame frame;
  fill_frame(&in, &frame);
  edgedf_crop_request request;
  memset(&request, 0, sizeof request);
  request.box.x = coordinate(&in, 0);
  request.box.y = coordinate(&in, 0);
  request.box.width = coordinate(&in, 10000);
  request.box.height = coordinate(&in, 10000);
  request.box_scale = number(&in, 1) < 240 ? 1.3 : coordinate(&in, 0);
  request.size = (int32_t)number(&in, 1) % (MAX_SIZE + 2);
  request.output = (int32_t)number(&in, 1) % 4;
  int too_slow = 0;
  size_t workspace_bytes = workspace_for(&request, &too_slow), output_bytes = 0;
  if (number(&in, 1) > 250) workspace_bytes -= 1;
  (void)edgedf_crop_output_bytes(request.size, request.output, &output_bytes);
  if (number(&in, 1) > 250 && output_bytes > 0) output_bytes -= 1;
  if (!too_slow) {
    uint8_t *workspace = filled(workspace_bytes, 5), *outputs[2];
    for (int i = 0; i < 2; i++) {
      outputs[i] = malloc(output_bytes ? output_bytes : 1);
      if (outputs[i] == NULL) abort();
      memset(outputs[i], 0xa5, output_bytes);
      request.without = i == 0 ? 0 : 1 + number(&in, 1) % 7;
      const edgedf_crop_status status =
          edgedf_crop(&frame, &request, workspace, workspace_bytes, outputs[i], output_bytes);
      if (edgedf_crop_status_text((int32_t)status)[0] == 'u') abort();
      for (size_t k = 0; status != EDGEDF_CROP_OK && k < output_bytes; k++)
        if (outputs[i][k] != 0xa5) abort();
    }
    if (memcmp(outputs[0], outputs[1], output_bytes) != 0) abort();
    free(outputs[0]);
    free(outputs[1]);
    free(workspace);
  }
  for (int i = 0; i < 3; i++) free((void *)(uintptr_t)frame.planes[i].data);
  return 0;
}

/* Property: whatever the arguments say, edgedf_crop reads only inside the planes and writes only inside the
 * workspace and output, a refused call leaves the output alone, a frame is refused for its strides or sizes only
 * if they break the documented rule, and every instruction set gives the same bytes.
 * Each plane is its own allocation of the least bytes that the rule allows, and U and V may lie one byte apart in
 * one, so that AddressSanitizer sees one byte too far. tests/native/crop_seeds.py writes the corpus. */
#include <stdlib.h>
#include <string.h>

#include "edgedf/crop.h"

/* Enough for two strips of columns, two blocks of rows and whole vectors. */
#define MAX_SIDE 320
#define MAX_SIZE 72
#define MAX_FITTED_SIZE 160
/* Of frames whose bytes are worked out. */
#define MAX_STRIDE 4096
#define MAX_FRAME 320

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
  if (kind < 240) return natural + kind % 12;
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

/* A frame, its allocations, and what the rule of edgedf/crop.h says of its planes, worked out here again. */
typedef struct made_frame {
  edgedf_frame frame;
  void *memory[3];
  int holds;   /* every plane is there, its strides are in range and it has all bytes that they need */
  int unknown; /* a number is so large that nobody worked it out */
} made_frame;

static int plane_count(int32_t format) { return format < 4 ? 1 : format < 6 ? 2 : 3; }
static int64_t sample_bytes(int32_t format, int plane) {
  if (plane == 0) return format < 2 ? 4 : format == 2 ? 3 : 1;
  return format == 4 || format == 5 ? 2 : 1;
}

/* Set the strides of plane i and return the least bytes it may have, or -1 if a number is too large to tell. */
static int64_t set_strides(input *in, made_frame *made, int i) {
  edgedf_plane *plane = &made->frame.planes[i];
  const int64_t sample = sample_bytes(made->frame.format, i);
  plane->pixel_stride = number(in, 1) < 128 ? 0 : stride(in, sample);
  const int64_t step = plane->pixel_stride == 0 ? sample : plane->pixel_stride;
  const int64_t width = made->frame.width, height = made->frame.height;
  const int64_t columns = i == 0 ? width : (width + 1) / 2, rows = i == 0 ? height : (height + 1) / 2;
  const int plausible = step >= 0 && step <= MAX_STRIDE && width > 0 && width <= MAX_FRAME && height > 0 &&
                        height <= MAX_FRAME;
  plane->row_stride = stride(in, plausible ? columns * step : 1);
  if (!plausible || plane->row_stride > MAX_STRIDE) return -1;
  const int64_t row = (columns - 1) * step + sample;
  if (step < sample || plane->row_stride < 0 || (rows > 1 && plane->row_stride < row)) made->holds = 0;
  return plane->row_stride < 0 ? -1 : (rows - 1) * plane->row_stride + row;
}

static void set_planes(input *in, made_frame *made) {
  int64_t needed[3] = {0, 0, 0};
  const int count = plane_count(made->frame.format);
  const uint32_t order = number(in, 1) % 4; /* 1: U before V in one allocation, 2: V before U, else apart */
  const int apart = count < 3 || order == 0 || order == 3;
  for (int i = 0; i < count; i++) {
    edgedf_plane *plane = &made->frame.planes[i];
    needed[i] = set_strides(in, made, i);
    const uint32_t kind = number(in, 1), other = number(in, 2);
    plane->bytes = needed[i] < 0 || kind >= 250 ? other : (size_t)needed[i];
    if (kind >= 230 && kind < 250 && plane->bytes > 0) plane->bytes -= 1;
    made->unknown |= needed[i] < 0;
    if (plane->bytes < (uint64_t)needed[i]) made->holds = 0;
    if (i > 0 && !apart) continue;
    made->memory[i] = filled(plane->bytes, (uint32_t)i * 977);
    plane->data = kind < 255 ? made->memory[i] : NULL;
    if (kind == 255) made->holds = 0;
  }
  for (int i = count; i < 3; i++) { /* what the format does not have must not be looked at */
    made->frame.planes[i].data = (const uint8_t *)(uintptr_t)1;
    made->frame.planes[i].bytes = SIZE_MAX;
    made->frame.planes[i].row_stride = -1;
  }
  if (apart) return;
  const size_t u_end = made->frame.planes[1].bytes + (order == 2), v_end = made->frame.planes[2].bytes + (order == 1);
  uint8_t *both = filled(u_end > v_end ? u_end : v_end, 977);
  made->memory[1] = both;
  made->frame.planes[1].data = both + (order == 2);
  made->frame.planes[2].data = both + (order == 1);
}

static void make_frame(input *in, made_frame *made) {
  memset(made, 0, sizeof *made);
  made->holds = 1;
  made->frame.format = (int32_t)number(in, 1) % 9;
  made->frame.width = side_of_frame(in, 6);
  made->frame.height = side_of_frame(in, 2);
  made->frame.matrix = (int32_t)number(in, 1) % 3;
  made->frame.rotation = (int32_t)(number(in, 1) % 5) * 90;
  made->frame.mirrored = (int32_t)number(in, 1) % 3;
  set_planes(in, made);
}

static void check_status(const made_frame *made, edgedf_crop_status status) {
  const int blamed = status == EDGEDF_CROP_BAD_ROW_STRIDE || status == EDGEDF_CROP_PLANE_TOO_SMALL ||
                     status >= EDGEDF_CROP_BAD_PIXEL_STRIDE;
  if (status == EDGEDF_CROP_OK && !made->unknown && !made->holds) abort();
  if (blamed && !made->unknown && made->holds) abort();
  if (strcmp(edgedf_crop_status_text((int32_t)status), "unknown status") == 0) abort();
}

/* The crop with every instruction set. */
static void crop(const made_frame *made, edgedf_crop_request *request, size_t workspace_bytes, size_t output_bytes) {
  static const uint32_t left_out[3] = {0, EDGEDF_CPU_AVX2, EDGEDF_CPU_SSE41 | EDGEDF_CPU_AVX2 | EDGEDF_CPU_NEON};
  uint8_t *workspace = filled(workspace_bytes, 5), *outputs[3];
  for (int i = 0; i < 3; i++) {
    outputs[i] = malloc(output_bytes ? output_bytes : 1);
    if (outputs[i] == NULL) abort();
    memset(outputs[i], 0xa5, output_bytes);
    request->without = left_out[i];
    const edgedf_crop_status status =
        edgedf_crop(&made->frame, request, workspace, workspace_bytes, outputs[i], output_bytes);
    check_status(made, status);
    for (size_t k = 0; status != EDGEDF_CROP_OK && k < output_bytes; k++)
      if (outputs[i][k] != 0xa5) abort();
    if (memcmp(outputs[0], outputs[i], output_bytes) != 0) abort();
  }
  free(workspace);
  for (int i = 0; i < 3; i++) free(outputs[i]);
}

/* Shares of its side that a square may be asked to come out at: the core copies or halves it. */
enum { ANY_SIZE, WHOLE, HALF };

static size_t workspace_for(edgedf_crop_request *request, int fit, int *too_slow) {
  edgedf_square square;
  size_t bytes = 64;
  if (edgedf_crop_square(&request->box, request->box_scale, &square) != EDGEDF_CROP_OK) return bytes;
  if (fit != ANY_SIZE) request->size = fit == WHOLE ? square.side : square.side / 2;
  *too_slow = square.side > MAX_SIDE || request->size > (fit == ANY_SIZE ? MAX_SIZE : MAX_FITTED_SIZE);
  if (*too_slow || edgedf_crop_workspace(square.side, request->size, &bytes) != EDGEDF_CROP_OK) return 64;
  return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  made_frame made;
  make_frame(&in, &made);
  edgedf_crop_request request;
  memset(&request, 0, sizeof request);
  request.box.x = coordinate(&in, 0);
  request.box.y = coordinate(&in, 0);
  request.box.width = coordinate(&in, 10000);
  request.box.height = coordinate(&in, 10000);
  request.box_scale = number(&in, 1) < 240 ? 1.3 : coordinate(&in, 0);
  request.size = (int32_t)number(&in, 1) % (MAX_SIZE + 2);
  const uint32_t layout = number(&in, 1);
  const int fit = layout < 128 ? ANY_SIZE : layout < 192 ? WHOLE : HALF;
  request.output = (int32_t)layout % 4;
  int too_slow = 0;
  size_t workspace_bytes = workspace_for(&request, fit, &too_slow), output_bytes = 0;
  if (number(&in, 1) > 250) workspace_bytes -= 1;
  (void)edgedf_crop_output_bytes(request.size, request.output, &output_bytes);
  if (number(&in, 1) > 250 && output_bytes > 0) output_bytes -= 1;
  if (!too_slow) crop(&made, &request, workspace_bytes, output_bytes);
  for (int i = 0; i < 3; i++) free(made.memory[i]);
  return 0;
}

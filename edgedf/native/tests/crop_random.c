/* crop_random COUNT [SEED]: random crops with every set of instructions against the portable loops, out of frames up
 * to 900 x 500. A quarter are faces inside a large frame, a quarter squares of the crop's size, a quarter squares of
 * twice that. It needs nothing but the core, so it runs under sanitizers and emulators.
 * Planes, workspace and output have not a byte too many, between two pages that nobody may touch. */
#define _DEFAULT_SOURCE /* mmap with -std=c99 */
#define _DARWIN_C_SOURCE
#include <stdio.h>
#include <string.h>

#include "edgedf/crop.h"
#include "guarded.h"

#define MAX_WIDTH 900
#define MAX_HEIGHT 500
#define MAX_SIZE 320
#define PLANE_BYTES ((MAX_WIDTH * 6 + 9) * MAX_HEIGHT)
#define WORKSPACE_BYTES (4 << 20)
#define PORTABLE ((uint32_t)EDGEDF_CPU_SSE41 | EDGEDF_CPU_AVX2 | EDGEDF_CPU_NEON)

static guarded planes[3], workspace, outputs[2];
static uint64_t state;

static uint32_t next(void) { /* xorshift */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16);
}

/* least .. most */
static int32_t between(int32_t least, int32_t most) { return least + (int32_t)(next() % (uint32_t)(most - least + 1)); }

static void fill(uint8_t *bytes, size_t count) {
  const int noise = next() % 2 != 0; /* or extremes, which show clipping */
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(noise ? next() : next() % 2 * 255);
}

/* Packed or spread pixels, packed or padded rows. */
static void make_plane(edgedf_frame *frame, int p, int64_t sample, int spread, int at_end) {
  edgedf_plane *plane = &frame->planes[p];
  const int half = p > 0;
  const int64_t columns = (frame->width + half) >> half, rows = (frame->height + half) >> half;
  plane->pixel_stride = sample + (spread ? between(0, 2) : 0);
  plane->row_stride = columns * plane->pixel_stride + between(0, 9) * (next() % 2);
  plane->bytes = (size_t)((rows - 1) * plane->row_stride + (columns - 1) * plane->pixel_stride + sample);
  uint8_t *bytes = guarded_place(&planes[p], plane->bytes, at_end);
  fill(bytes, plane->bytes);
  plane->data = bytes;
}

static void make_frame(edgedf_frame *frame, int large) {
  memset(frame, 0, sizeof *frame);
  frame->format = between(0, 7);
  frame->width = large ? between(320, MAX_WIDTH) : between(1, 120);
  frame->height = large ? between(320, MAX_HEIGHT) : between(1, 120);
  frame->matrix = between(0, 1);
  frame->rotation = 90 * between(0, 3);
  frame->mirrored = between(0, 1);
  const int count = frame->format < 4 ? 1 : frame->format < 6 ? 2 : 3, spread = next() % 4 == 0;
  const int at_end = next() % 4 != 0;
  make_plane(frame, 0, frame->format < 2 ? 4 : frame->format == 2 ? 3 : 1, spread, at_end);
  for (int p = 1; p < count; p++) make_plane(frame, p, count == 2 ? 2 : 1, spread, at_end);
}

enum { ANYWHERE, INSIDE, COPIED, HALVED };

/* A square of `side` pixels, inside the upright image or anywhere near it. */
static edgedf_box make_box(const edgedf_frame *frame, int kind, int32_t side) {
  const int turned = frame->rotation % 180 != 0;
  const int32_t width = turned ? frame->height : frame->width, height = turned ? frame->width : frame->height;
  const int32_t out = kind == INSIDE ? 0 : side;
  const edgedf_box box = {between(-out, width + out - side), between(-out, height + out - side), side, side};
  return box;
}

static edgedf_crop_request make_request(const edgedf_frame *frame, int kind) {
  static const int32_t sizes[8] = {1, 2, 16, 64, 128, 224, 33, 100};
  const int32_t shorter = frame->width < frame->height ? frame->width : frame->height;
  edgedf_crop_request request;
  memset(&request, 0, sizeof request);
  int32_t side = between(1, kind == INSIDE ? shorter : 300);
  request.size = kind == INSIDE ? between(64, 256) : sizes[next() % 8];
  if (kind == INSIDE) side = between(shorter / 5, shorter);
  if (kind == COPIED || kind == HALVED) request.size = between(1, 320);
  if (kind == COPIED) side = request.size;
  if (kind == HALVED) side = 2 * request.size;
  request.box = make_box(frame, kind, side);
  request.box_scale = 1.0;
  request.output = between(0, 2);
  return request;
}

/* The crop without some instructions, into outputs[to]; NULL if it is refused. */
static const uint8_t *crop(const edgedf_frame *frame, edgedf_crop_request *request, uint32_t without, int to,
                           size_t *bytes) {
  edgedf_square square;
  size_t room;
  if (edgedf_crop_square(&request->box, request->box_scale, &square) != EDGEDF_CROP_OK ||
      edgedf_crop_workspace(square.side, request->size, &room) != EDGEDF_CROP_OK ||
      edgedf_crop_output_bytes(request->size, request->output, bytes) != EDGEDF_CROP_OK)
    return NULL;
  uint8_t *work = guarded_place(&workspace, room, 1), *made = guarded_place(&outputs[to], *bytes, 1);
  if (work == NULL || made == NULL) return NULL;
  memset(work, to ? 0x5a : 0xa5, room); /* what an earlier crop left there must not help */
  request->without = without;
  return edgedf_crop(frame, request, work, room, made, *bytes) == EDGEDF_CROP_OK ? made : NULL;
}

/* Sets of instructions whose crop is refused or is not the portable one. */
static int wrong_sets(const edgedf_frame *frame, edgedf_crop_request *request) {
  size_t bytes = 0;
  int wrong = 0;
  const uint8_t *expected = crop(frame, request, PORTABLE, 0, &bytes);
  if (expected == NULL) return 1;
  for (uint32_t without = 0; without < PORTABLE; without++) {
    if ((without & ~edgedf_crop_cpu()) != 0) continue; /* the processor does without them anyway */
    const uint8_t *made = crop(frame, request, without, 1, &bytes);
    wrong += made == NULL || memcmp(made, expected, bytes) != 0;
  }
  return wrong;
}

int main(int count, char **arguments) {
  const long crops = count > 1 ? strtol(arguments[1], NULL, 10) : 0;
  if (crops < 1) {
    fprintf(stderr, "usage: crop_random COUNT [SEED]\n");
    return 2;
  }
  const uint64_t seed = count > 2 ? (uint64_t)strtol(arguments[2], NULL, 10) : 0;
  state = UINT64_C(88172645463325252) ^ seed * UINT64_C(0x9E3779B97F4A7C15);
  for (int p = 0; p < 3; p++) planes[p] = guarded_make(PLANE_BYTES);
  for (int i = 0; i < 2; i++) outputs[i] = guarded_make(sizeof(float) * 3 * MAX_SIZE * MAX_SIZE);
  workspace = guarded_make(WORKSPACE_BYTES);
  int wrong = 0;
  for (long i = 0; i < crops; i++) {
    edgedf_frame frame;
    const int kind = (int)(i % 4);
    make_frame(&frame, kind == INSIDE || next() % 2 == 0);
    edgedf_crop_request request = make_request(&frame, kind);
    if (wrong_sets(&frame, &request) == 0) continue;
    wrong++;
    fprintf(stderr, "crop %ld differs: format %d, %dx%d, rotation %d, mirrored %d, side %.0f, size %d\n", i,
            (int)frame.format, (int)frame.width, (int)frame.height, (int)frame.rotation, (int)frame.mirrored,
            request.box.width, (int)request.size);
  }
  printf("%ld random crops, %d differ from the portable loops, processor features %u\n", crops, wrong,
         (unsigned)edgedf_crop_cpu());
  return wrong != 0;
}

/* The crop: upright rows are read in blocks, resized sideways into a ring of rows, and output rows are summed
 * from that ring as soon as it holds what they need. Memory grows with the side, not with its square. */
#include <string.h>

#include "edgedf/crop.h"
#include "output.h"
#include "rows.h"

#define ALIGN 64u
#define EVERY_CPU ((uint32_t)EDGEDF_CPU_SSE41 | EDGEDF_CPU_AVX2 | EDGEDF_CPU_NEON)

/* Everything that lives in the workspace. */
typedef struct edf_plan {
  edf_weights weights;
  int32_t ring_rows;
  size_t pixel_row, packed_row; /* bytes of a row before and after the horizontal pass */
  uint8_t *pixels;              /* EDF_BLOCK rows of the square */
  uint8_t *scratch;
  uint8_t *ring;                /* ring_rows rows of `size` packed pixels, and a spare one */
  uint8_t *line;
  const uint8_t **window;       /* the ring rows that one output row needs */
} edf_plan;

typedef struct edf_job {
  edf_source source;
  edgedf_square square;
  int32_t size, output;
  int32_t first_column, columns, lead; /* image columns of the square, and its pixels left of them */
  int32_t first_row, last_row;         /* image rows of the square */
  int32_t next_row;                    /* first one that the ring does not hold yet */
} edf_job;

static size_t take(size_t *used, size_t bytes) {
  const size_t at = *used;
  *used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
  return at;
}

/* Lay the plan out from `base` on; returns its bytes. With base NULL only the size is computed. */
static size_t lay_out(edf_plan *plan, uint8_t *base, int32_t side, int32_t size) {
  const int32_t stride = edf_weights_stride(side, size);
  const size_t taps = (size_t)stride * (size_t)size;
  size_t used = 0;
  plan->weights.stride = stride;
  plan->ring_rows = stride + EDF_BLOCK;
  plan->pixel_row = ((size_t)side + (size_t)stride) * 4 + EDF_SLACK;
  plan->packed_row = (size_t)size * 3 + EDF_SLACK;
  const size_t spans = take(&used, (size_t)size * sizeof(edf_span));
  const size_t high = take(&used, taps * sizeof(int16_t));
  const size_t low = take(&used, taps * sizeof(int16_t));
  const size_t window = take(&used, (size_t)stride * sizeof(uint8_t *));
  const size_t pixels = take(&used, EDF_BLOCK * plan->pixel_row);
  const size_t scratch = take(&used, 4 * 4 * EDF_BLOCK);
  const size_t ring = take(&used, (size_t)(plan->ring_rows + 1) * plan->packed_row);
  const size_t line = take(&used, plan->packed_row);
  if (base == NULL) return used;
  plan->weights.spans = (edf_span *)(void *)(base + spans);
  plan->weights.high = (int16_t *)(void *)(base + high);
  plan->weights.low = (int16_t *)(void *)(base + low);
  plan->window = (const uint8_t **)(void *)(base + window);
  plan->pixels = base + pixels;
  plan->scratch = base + scratch;
  plan->ring = base + ring;
  plan->line = base + line;
  return used;
}

edgedf_crop_status edgedf_crop_workspace(int32_t side, int32_t size, size_t *bytes) {
  edf_plan plan;
  if (bytes == NULL) return EDGEDF_CROP_NULL;
  if (side < 1 || side > EDGEDF_CROP_MAX_SIDE) return EDGEDF_CROP_BOX_TOO_LARGE;
  if (size < 1 || size > EDGEDF_CROP_MAX_SIZE) return EDGEDF_CROP_BAD_SIZE;
  *bytes = lay_out(&plan, NULL, side, size) + ALIGN;
  return EDGEDF_CROP_OK;
}

static int32_t clamp(int32_t value, int32_t most) { return value < 0 ? 0 : value > most ? most : value; }

/* Which image rows and columns the square has; at least one of each, since the edge repeats. */
static void place_square(edf_job *job) {
  const edgedf_square *square = &job->square;
  const int32_t last_x = edf_upright_width(&job->source) - 1, last_y = edf_upright_height(&job->source) - 1;
  job->first_column = clamp(square->left, last_x);
  job->columns = clamp(square->left + square->side - 1, last_x) - job->first_column + 1;
  job->lead = clamp(job->first_column - square->left, square->side - 1);
  job->first_row = clamp(square->top, last_y);
  job->last_row = clamp(square->top + square->side - 1, last_y);
  job->next_row = job->first_row;
}

/* Repeat the first and last image pixel of a row to both ends of the square. */
static void repeat_edges(uint8_t *row, const edf_job *job) {
  const size_t lead = (size_t)job->lead, end = lead + (size_t)job->columns, side = (size_t)job->square.side;
  for (size_t i = 0; i < lead; i++) memcpy(row + 4 * i, row + 4 * lead, 4);
  for (size_t i = end; i < side; i++) memcpy(row + 4 * i, row + 4 * (end - 1), 4);
}

static uint8_t *ring_row(const edf_job *job, const edf_plan *plan, int32_t row) {
  return plan->ring + (size_t)((row - job->first_row) % plan->ring_rows) * plan->packed_row;
}

static void pack_row(const uint8_t *pixels, uint8_t *target, int32_t n) {
  for (int32_t i = 0; i < n; i++) memcpy(target + 3 * i, pixels + 4 * i, 3);
}

/* Read the next rows of the square and resize them sideways into the ring. */
static void fill_ring(edf_job *job, const edf_plan *plan) {
  const int32_t top = job->next_row;
  const int32_t left = job->last_row - top + 1;
  const int32_t count = left < EDF_BLOCK ? left : EDF_BLOCK;
  uint8_t *rows[EDF_BLOCK];
  for (int32_t i = 0; i < count; i++)
    rows[i] = plan->pixels + (size_t)i * plan->pixel_row + 4 * (size_t)job->lead;
  edf_rows_read(&job->source, job->first_column, job->columns, top, count, rows, plan->scratch);
  for (int32_t i = 0; i < count; i++) repeat_edges(plan->pixels + (size_t)i * plan->pixel_row, job);
  job->next_row = top + count;
  if (job->size == job->square.side) {
    for (int32_t i = 0; i < count; i++)
      pack_row(plan->pixels + (size_t)i * plan->pixel_row, ring_row(job, plan, top + i), job->size);
    return;
  }
  uint8_t *spare = plan->ring + (size_t)plan->ring_rows * plan->packed_row;
  for (int32_t i = 0; i < count; i += EDF_ROWS) {
    const uint8_t *sources[EDF_ROWS];
    uint8_t *targets[EDF_ROWS];
    for (int32_t k = 0; k < EDF_ROWS; k++) {
      const int32_t row = i + k < count ? i + k : count - 1;
      sources[k] = plan->pixels + (size_t)row * plan->pixel_row;
      targets[k] = i + k < count ? ring_row(job, plan, top + row) : spare;
    }
    job->source.kernels->horizontal(sources, targets, &plan->weights, job->size);
  }
}

/* Sum output row `y` out of the ring into plan->line, or point at it when nothing needs summing. */
static const uint8_t *make_line(edf_job *job, const edf_plan *plan, int32_t y) {
  const edf_span span = plan->weights.spans[y];
  const int32_t most = edf_upright_height(&job->source) - 1;
  const int32_t last = clamp(job->square.top + span.first + span.count - 1, most);
  while (job->next_row <= last) fill_ring(job, plan);
  for (int32_t t = 0; t < span.count; t++)
    plan->window[t] = ring_row(job, plan, clamp(job->square.top + span.first + t, most));
  if (job->size == job->square.side) return plan->window[0];
  const size_t at = (size_t)y * (size_t)plan->weights.stride;
  job->source.kernels->vertical(plan->window, plan->weights.high + at, plan->weights.low + at, span.count,
                                plan->line, (size_t)job->size * 3);
  return plan->line;
}

static void run(edf_job *job, const edf_plan *plan, void *output) {
  place_square(job);
  edf_weights_fill(&plan->weights, job->square.side, job->size);
  /* Weights of zero reach beyond the square; what they multiply must still be defined. */
  for (int32_t i = 0; i < EDF_BLOCK; i++) {
    uint8_t *row = plan->pixels + (size_t)i * plan->pixel_row;
    memset(row + (size_t)job->square.side * 4, 0, plan->pixel_row - (size_t)job->square.side * 4);
  }
  for (int32_t y = 0; y < job->size; y++)
    edf_output_row(make_line(job, plan, y), y, job->size, job->output, output);
}

edgedf_crop_status edgedf_crop(const edgedf_frame *frame, const edgedf_crop_request *request, void *workspace,
                               size_t workspace_bytes, void *output, size_t output_bytes) {
  if (frame == NULL || request == NULL || workspace == NULL || output == NULL) return EDGEDF_CROP_NULL;
  /* Refused now, so that these bits can mean something later. */
  if (request->reserved != 0 || (request->without & ~EVERY_CPU) != 0) return EDGEDF_CROP_BAD_REQUEST;
  edf_job job;
  memset(&job, 0, sizeof job);
  edgedf_crop_status status = edf_frame_check(frame, &job.source.view);
  if (status != EDGEDF_CROP_OK) return status;
  status = edgedf_crop_square(&request->box, request->box_scale, &job.square);
  if (status != EDGEDF_CROP_OK) return status;
  size_t needed;
  status = edgedf_crop_output_bytes(request->size, request->output, &needed);
  if (status != EDGEDF_CROP_OK) return status;
  if (output_bytes < needed) return EDGEDF_CROP_OUTPUT_TOO_SMALL;
  if (request->output != EDGEDF_CROP_U8_NHWC && (uintptr_t)output % sizeof(float) != 0)
    return EDGEDF_CROP_OUTPUT_MISALIGNED;
  status = edgedf_crop_workspace(job.square.side, request->size, &needed);
  if (status != EDGEDF_CROP_OK) return status;
  if (workspace_bytes < needed) return EDGEDF_CROP_WORKSPACE_TOO_SMALL;

  edf_plan plan;
  uint8_t *base = workspace;
  lay_out(&plan, base + (ALIGN - (uintptr_t)base % ALIGN) % ALIGN, job.square.side, request->size);
  job.source.kernels = edf_crop_kernels_get(request->without);
  job.source.width = frame->width;
  job.source.height = frame->height;
  job.source.rotation = frame->rotation;
  job.source.mirrored = frame->mirrored;
  job.size = request->size;
  job.output = request->output;
  run(&job, &plan, output);
  return EDGEDF_CROP_OK;
}

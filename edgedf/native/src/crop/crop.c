/* The crop: upright rows are read in blocks, resized sideways into a ring of rows, and output rows are summed
 * from that ring as soon as it holds what they need. Memory grows with the side, not with its square. */
#include <string.h>

#include "block.h"
#include "edgedf/crop.h"
#include "output.h"

#define ALIGN 64u
#define EVERY_CPU ((uint32_t)EDGEDF_CPU_SSE41 | EDGEDF_CPU_AVX2 | EDGEDF_CPU_NEON)

/* Everything that lives in the workspace. */
typedef struct edf_plan {
  edf_weights weights;
  int32_t ring_rows;
  size_t plane, line_bytes;  /* bytes of one colour of a resized row, and of the row with its slack */
  edf_block_buffers buffers; /* its table has the columns of the image at `lead`, repeated edges around them */
  const uint8_t **table;     /* a column for every pixel across the square */
  uint8_t *ring;             /* ring_rows lines, and one that nobody reads */
  uint8_t *line, *packed;
  const uint8_t **window;    /* the ring rows that one output row needs */
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
  const int32_t stride = edgedf_crop_weights_stride(side, size);
  const size_t taps = (size_t)stride * (size_t)size;
  size_t used = 0;
  plan->weights.stride = stride;
  plan->ring_rows = stride + EDF_BLOCK;
  plan->plane = ((size_t)size + EDF_TILE - 1) / EDF_TILE * EDF_TILE;
  plan->line_bytes = 3 * plan->plane + EDF_SLACK;
  const size_t spans = take(&used, (size_t)size * sizeof(edf_span));
  const size_t high = take(&used, taps);
  const size_t low = take(&used, taps * sizeof(int16_t));
  const size_t window = take(&used, ((size_t)stride + 1) * sizeof(uint8_t *));
  const size_t table = take(&used, ((size_t)side + 1) * sizeof(uint8_t *));
  const size_t columns = take(&used, edgedf_crop_block_bytes((size_t)side));
  const size_t scratch = take(&used, EDF_SCRATCH);
  const size_t ring = take(&used, (size_t)(plan->ring_rows + 1) * plan->line_bytes);
  const size_t line = take(&used, plan->line_bytes);
  const size_t packed = take(&used, plan->line_bytes);
  if (base == NULL) return used;
  plan->weights.spans = (edf_span *)(void *)(base + spans);
  plan->weights.high = base + high;
  plan->weights.low = (int16_t *)(void *)(base + low);
  plan->window = (const uint8_t **)(void *)(base + window);
  plan->table = (const uint8_t **)(void *)(base + table);
  plan->buffers.columns = base + columns;
  plan->buffers.scratch = base + scratch;
  plan->ring = base + ring;
  plan->line = base + line;
  plan->packed = base + packed;
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
  const int32_t last_x = edgedf_crop_upright_width(&job->source) - 1;
  const int32_t last_y = edgedf_crop_upright_height(&job->source) - 1;
  job->first_column = clamp(square->left, last_x);
  job->columns = clamp(square->left + square->side - 1, last_x) - job->first_column + 1;
  job->lead = clamp(job->first_column - square->left, square->side - 1);
  job->first_row = clamp(square->top, last_y);
  job->last_row = clamp(square->top + square->side - 1, last_y);
  job->next_row = job->first_row;
}

static uint8_t *ring_row(const edf_job *job, const edf_plan *plan, int32_t row) {
  return plan->ring + (size_t)((row - job->first_row) % plan->ring_rows) * plan->line_bytes;
}

/* Read the next rows of the square and resize them sideways into the ring. */
static void fill_ring(edf_job *job, const edf_plan *plan) {
  const edf_block block = edgedf_crop_block_read(&job->source, job->first_column, job->columns, job->next_row,
                                                 job->last_row - job->next_row + 1, &plan->buffers);
  uint8_t *rows[EDF_BLOCK];
  for (int32_t i = 0; i < EDF_BLOCK; i++) rows[i] = plan->ring + (size_t)plan->ring_rows * plan->line_bytes;
  for (int32_t i = 0; i < block.count; i++)
    rows[block.place + i * block.step] = ring_row(job, plan, block.first_row + i);
  job->source.kernels->horizontal(plan->table, &plan->weights, job->size, rows, plan->plane);
  job->next_row = block.first_row + block.count;
}

/* Sum output row `y` out of the ring into plan->line. */
static void make_line(edf_job *job, const edf_plan *plan, int32_t y) {
  const edf_span span = plan->weights.spans[y];
  const int32_t most = edgedf_crop_upright_height(&job->source) - 1;
  const int32_t last = clamp(job->square.top + span.first + span.count - 1, most);
  while (job->next_row <= last) fill_ring(job, plan);
  for (int32_t t = 0; t <= span.count; t++)
    plan->window[t] = ring_row(job, plan, clamp(job->square.top + span.first + t, most));
  job->source.kernels->vertical(plan->window, &plan->weights, y, plan->line, 3 * plan->plane);
}

/* The columns of the image, and its edges repeated around them. */
static void fill_table(const edf_job *job, edf_plan *plan) {
  const int32_t end = job->lead + job->columns;
  plan->buffers.table = plan->table + job->lead;
  edgedf_crop_block_table(&job->source, job->first_column, job->columns, &plan->buffers);
  for (int32_t i = 0; i < job->lead; i++) plan->table[i] = plan->table[job->lead];
  for (int32_t i = end; i <= job->square.side; i++) plan->table[i] = plan->table[end - 1];
}

static void run(edf_job *job, edf_plan *plan, void *output) {
  place_square(job);
  fill_table(job, plan);
  edgedf_crop_weights_fill(&plan->weights, job->square.side, job->size);
  for (int32_t y = 0; y < job->size; y++) {
    make_line(job, plan, y);
    edgedf_crop_output_row(job->source.kernels, plan->line, plan->plane, y, job->size, job->output, plan->packed,
                           output);
  }
}

edgedf_crop_status edgedf_crop(const edgedf_frame *frame, const edgedf_crop_request *request, void *workspace,
                               size_t workspace_bytes, void *output, size_t output_bytes) {
  if (frame == NULL || request == NULL || workspace == NULL || output == NULL) return EDGEDF_CROP_NULL;
  /* Refused now, so that these bits can mean something later. */
  if (request->reserved != 0 || (request->without & ~EVERY_CPU) != 0) return EDGEDF_CROP_BAD_REQUEST;
  edf_job job;
  memset(&job, 0, sizeof job);
  edgedf_crop_status status = edgedf_crop_frame_check(frame, &job.source.view);
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
  job.source.kernels = edgedf_crop_kernels_get(request->without);
  job.source.width = frame->width;
  job.source.height = frame->height;
  job.source.rotation = frame->rotation;
  job.source.mirrored = frame->mirrored;
  job.size = request->size;
  job.output = request->output;
  run(&job, &plan, output);
  return EDGEDF_CROP_OK;
}

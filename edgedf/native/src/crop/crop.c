/* The crop: upright rows are read in blocks, resized sideways into a ring of rows, and output rows are summed
 * from that ring as soon as it holds what they need. Memory grows with the side, not with its square. A square of
 * the crop's size needs no filter, as each pixel's weight is 1: it is copied line by line, or, turned or mirrored,
 * taken from the ring. */
#include <string.h>

#include "edgedf/crop.h"
#include "lines.h"
#include "output.h"
#include "plan.h"

#define EVERY_CPU ((uint32_t)EDGEDF_CPU_SSE41 | EDGEDF_CPU_AVX2 | EDGEDF_CPU_NEON)

typedef struct edf_job {
  edf_source source;
  edgedf_square square;
  int32_t size, output;
  edf_across across;
  int32_t first_row, last_row; /* image rows of the square */
  int32_t next_row;            /* first one that was not read yet */
  int copies, lines;           /* size == side; the frame's own lines are read, not columns */
} edf_job;

static int32_t clamp(int32_t value, int32_t most) { return value < 0 ? 0 : value > most ? most : value; }

/* Which image rows and columns the square has; at least one of each, since the edge repeats. */
static void place_square(edf_job *job) {
  const edgedf_square *square = &job->square;
  const int32_t last_x = edgedf_crop_upright_width(&job->source) - 1;
  const int32_t last_y = edgedf_crop_upright_height(&job->source) - 1;
  edf_across *across = &job->across;
  across->first = clamp(square->left, last_x);
  across->count = clamp(square->left + square->side - 1, last_x) - across->first + 1;
  across->lead = clamp(across->first - square->left, square->side - 1);
  across->side = square->side;
  job->first_row = clamp(square->top, last_y);
  job->last_row = clamp(square->top + square->side - 1, last_y);
  job->next_row = job->first_row;
}

static uint8_t *ring_row(const edf_job *job, const edf_plan *plan, int32_t row) {
  return plan->ring + (size_t)((row - job->first_row) % plan->ring_rows) * plan->line_bytes;
}

/* Read the next rows of the square, as lines; returns the first line. */
static const uint8_t *read_lines(edf_job *job, const edf_plan *plan) {
  uint8_t *lines = plan->buffers.columns + EDF_LINE_MARGIN;
  const int32_t left = job->last_row - job->next_row + 1, count = left < EDF_LINES ? left : EDF_LINES;
  edgedf_crop_lines_read(&job->source, &job->across, job->next_row, count, lines);
  job->next_row += count;
  return lines;
}

/* Read the next rows of the square, as lines, and halve them into the ring. */
static void halve_lines(edf_job *job, const edf_plan *plan) {
  int32_t row = job->next_row;
  edf_halving halving = {read_lines(job, plan), NULL, edgedf_crop_line_plane(job->across.side), plan->plane, job->size};
  for (; row < job->next_row; row++, halving.line += 3 * halving.plane) {
    halving.target = ring_row(job, plan, row);
    job->source.kernels->halve(&halving, &plan->weights);
  }
}

/* Read the next rows of the square and resize them sideways into the ring. */
static void fill_ring(edf_job *job, const edf_plan *plan) {
  const edf_block block = edgedf_crop_block_read(&job->source, job->across.first, job->across.count, job->next_row,
                                                 job->last_row - job->next_row + 1, &plan->buffers);
  uint8_t *rows[EDF_BLOCK];
  for (int32_t i = 0; i < EDF_BLOCK; i++) rows[i] = plan->ring + (size_t)plan->ring_rows * plan->line_bytes;
  for (int32_t i = 0; i < block.count; i++)
    rows[block.place + i * block.step] = ring_row(job, plan, block.first_row + i);
  job->source.kernels->horizontal(plan->table, &plan->weights, job->size, rows, plan->plane);
  job->next_row = block.first_row + block.count;
}

/* Output row `y`, summed out of the ring. */
static const uint8_t *make_line(edf_job *job, const edf_plan *plan, int32_t y) {
  const edf_span span = plan->weights.spans[y];
  const int32_t most = edgedf_crop_upright_height(&job->source) - 1;
  const int32_t last = clamp(job->square.top + span.first + span.count - 1, most);
  while (job->next_row <= last) {
    if (job->lines)
      halve_lines(job, plan);
    else
      fill_ring(job, plan);
  }
  if (job->copies) return ring_row(job, plan, clamp(job->square.top + y, most));
  for (int32_t t = 0; t <= span.count; t++)
    plan->window[t] = ring_row(job, plan, clamp(job->square.top + span.first + t, most));
  job->source.kernels->vertical(plan->window, &plan->weights, y, plan->line, 3 * plan->plane);
  return plan->line;
}

/* The columns of the image, and its edges repeated around them. */
static void fill_table(const edf_job *job, edf_plan *plan) {
  const edf_across *across = &job->across;
  const int32_t end = across->lead + across->count;
  plan->buffers.table = plan->table + across->lead;
  edgedf_crop_block_table(&job->source, across->first, across->count, &plan->buffers);
  for (int32_t i = 0; i < across->lead; i++) plan->table[i] = plan->table[across->lead];
  for (int32_t i = end; i <= across->side; i++) plan->table[i] = plan->table[end - 1];
}

/* A square of the crop's size out of an upright frame. */
static void copy(edf_job *job, const edf_plan *plan, void *output) {
  const size_t plane = edgedf_crop_line_plane(job->across.side);
  const uint8_t *lines = NULL;
  int32_t first = 0;
  for (int32_t y = 0; y < job->size; y++) {
    const int32_t row = clamp(job->square.top + y, job->last_row);
    if (row >= job->next_row) {
      first = job->next_row;
      lines = read_lines(job, plan);
    }
    const uint8_t *line = lines + (size_t)(row - first) * 3 * plane;
    edgedf_crop_output_row(job->source.kernels, line, plane, y, job->size, job->output, plan->packed, output);
  }
}

static void run(edf_job *job, edf_plan *plan, void *output) {
  place_square(job);
  job->copies = job->size == job->square.side;
  const int halves = job->source.kernels->halve != NULL && job->size * 2 == job->square.side;
  job->lines = edgedf_crop_lines_fit(&job->source) && (job->copies || halves);
  if (job->lines && job->copies) {
    copy(job, plan, output);
    return;
  }
  if (!job->lines) fill_table(job, plan);
  edgedf_crop_weights_fill(&plan->weights, job->square.side, job->size);
  for (int32_t y = 0; y < job->size; y++) {
    const uint8_t *line = make_line(job, plan, y);
    edgedf_crop_output_row(job->source.kernels, line, plan->plane, y, job->size, job->output, plan->packed, output);
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
  edgedf_crop_plan(&plan, workspace, job.square.side, request->size);
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

/* How many rows of a step are done at a time, so that what is read again soon is still in the first-level cache. */
#include "plan.h"

#define SUMS_FLOATS 4096u      /* sums of one channel that are pooled or copied from the cache */
#define LEAST_TENSOR 20000u    /* floats: smaller ones stay in the second-level cache as they are */
#define LINE 16u               /* floats of a cache line */
#define WINDOW_FLOATS 8192u    /* input of a strip: 32 kB, as a first-level cache has */

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t divide_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

/* As many parts as that size gives, but all about as long. */
static uint32_t even_parts(uint32_t whole, uint32_t part) { return divide_up(whole, divide_up(whole, part)); }

/* What a convolution reads for some rows of sums. */
typedef struct reading {
  uint32_t channels, phases, row, halo;
} reading;

static reading reading_of(const edgedf_graph *graph, const edgedf_plan *plan, const edgedf_step *step) {
  const edgedf_node *node = &graph->nodes[step->node];
  const edgedf_tensor *in = &plan->tensor[step->input];
  return (reading){node->in_channels, in->stride_h * in->stride_w, in->row, (node->kernel_h - 1) / in->stride_h};
}

/* Rows of sums whose window fits the cache; 0 if none does. */
static uint32_t cached_rows(const reading *r) {
  uint64_t rows = WINDOW_FLOATS / ((uint64_t)r->channels * r->phases * r->row);
  return rows > r->halo ? (uint32_t)rows - r->halo : 0;
}

/* Enough rows for a window of the pool, not more sums than a cache holds. */
static void strip_for_pool(const edgedf_graph *graph, const edgedf_plan *plan, uint32_t row, edgedf_step *step) {
  const edgedf_node *pool = step->pool == EDF_NONE ? NULL : &graph->nodes[step->pool];
  uint32_t kernel = pool ? pool->kernel_h : 1, stride = pool ? pool->stride_h : 1;
  uint32_t rows = larger(SUMS_FLOATS / row, kernel);
  step->strip = smaller((rows - kernel) / stride + 1, plan->tensor[step->output].shape.h);
  step->strip_rows = (step->strip - 1) * stride + kernel;
}

/* Pooled in registers: nothing is kept of the sums, so only the window counts. */
static void strip_for_registers(const edgedf_graph *graph, const edgedf_plan *plan, const reading *r, edgedf_step *step) {
  uint32_t side = graph->nodes[step->pool].kernel_h, height = plan->tensor[step->output].shape.h;
  step->strip = even_parts(height, larger(1, smaller(height, cached_rows(r) / side)));
  step->strip_rows = step->strip * side;
}

static void choose_conv_strip(const edgedf_graph *graph, const edgedf_kernels *kernels, const edgedf_plan *plan,
                              edgedf_step *step) {
  reading r = reading_of(graph, plan, step);
  if (step->pooled)
    strip_for_registers(graph, plan, &r, step);
  else
    strip_for_pool(graph, plan, r.row, step);
  step->strip_floats = ((size_t)step->strip_rows * r.row + 31) / 16 * 16;
  uint32_t together = step->pooled || step->direct ? 0 : step->dense ? edgedf_block_of(kernels, plan, step) : 1;
  step->sums_floats = together * step->strip_floats + EDF_OVERRUN;
}

/* The convolution that alone reads a tensor, or NULL. */
static edgedf_step *only_conv(edgedf_plan *plan, uint16_t tensor) {
  edgedf_step *only = NULL;
  uint32_t readers = 0;
  for (uint32_t i = 0; i < plan->tensors; i++) readers += plan->tensor[i].alias == tensor;
  for (uint32_t i = 0; i < plan->steps; i++) {
    edgedf_step *step = &plan->step[i];
    readers += step->other == tensor;
    if (step->kind == EDF_STEP_CROP || step->input != tensor) continue;
    readers++;
    if (step->kind == EDF_STEP_CONV) only = step;
  }
  return readers == 1 ? only : NULL;
}

/* Whether a tensor is better never there as a whole: its only reader is a convolution, and it would take much more
 * of the cache than the rows that this convolution needs for a strip. */
static edgedf_step *window_reader(const edgedf_graph *graph, edgedf_plan *plan, const edgedf_step *maker) {
  const edgedf_tensor *t = &plan->tensor[maker->output];
  edgedf_step *reader = only_conv(plan, maker->output);
  /* Threads share such a step by rows, but phase planes are zeroed as a whole, with their first row. */
  if (reader == NULL || plan->tensor[reader->output].split) return NULL;
  if (maker->kind == EDF_STEP_CROP) return reader;
  if (!maker->pooled || !reader->pooled || t->split || t->floats < LEAST_TENSOR) return NULL;
  reading r = reading_of(graph, plan, reader);
  return 2 * (reader->strip_rows + r.halo) < t->rows ? reader : NULL;
}

static void make_window(const edgedf_graph *graph, edgedf_plan *plan, uint16_t tensor, const edgedf_step *reader) {
  edgedf_tensor *t = &plan->tensor[tensor];
  reading r = reading_of(graph, plan, reader);
  /* Rows of the crop begin with a cache line where the kernel goes row by row: one load in as many as the kernel is wide
   * then lies in one line. Other windows have more channels, and longer rows would not leave them enough of the cache. */
  uint32_t line = tensor == plan->step[0].output && reader->pooled ? LINE : 1;
  t->windowed = 1;
  t->rows = reader->strip_rows + r.halo;
  t->row = divide_up(t->row, line) * line;
  t->plane = ((size_t)t->rows * t->row + (t->split ? 0 : t->pad_w) + line - 1) / line * line;
  t->channel = t->plane * t->stride_h * t->stride_w;
  t->floats = t->channel * t->shape.c + EDF_OVERRUN;
  t->at = plan->window_floats;
  plan->windows++;
  plan->window_floats += (t->floats + 15) / 16 * 16;
}

/* From the crop on, as long as each tensor can be a window of the next step's rows. */
static void choose_windows(const edgedf_graph *graph, edgedf_plan *plan) {
  const edgedf_step *maker = &plan->step[0];
  for (uint32_t i = 0; i < EDF_MAX_WINDOWS; i++) {
    const edgedf_step *reader = window_reader(graph, plan, maker);
    if (reader == NULL) return;
    make_window(graph, plan, maker->output, reader);
    maker = reader;
  }
}

edgedf_model_status edgedf_choose_strips(const edgedf_graph *graph, const edgedf_kernels *kernels, edgedf_plan *plan) {
  size_t sums = 0, spare = 0;
  for (uint32_t i = 0; i < plan->steps; i++) {
    edgedf_step *step = &plan->step[i];
    if (step->kind == EDF_STEP_CONV) {
      choose_conv_strip(graph, kernels, plan, step);
    } else {
      strip_for_pool(graph, plan, step->sums.w, step);
      step->strip_floats = step->sums_floats = ((size_t)step->strip_rows * step->sums.w + EDF_OVERRUN + 15) / 16 * 16;
    }
    /* Beside the sums: two rows for the pool, three for rows on their way out. */
    size_t row = ((size_t)step->sums.w + 2 * 255 + EDF_OVERRUN + 15) / 16 * 16;
    size_t out_row = ((size_t)plan->tensor[step->output].shape.w + EDF_OVERRUN + 15) / 16 * 16;
    if (step->sums_floats > sums) sums = step->sums_floats;
    if (2 * row + 3 * out_row > spare) spare = 2 * row + 3 * out_row;
  }
  choose_windows(graph, plan);
  plan->scratch_floats = plan->window_floats + sums + spare;
  return plan->scratch_floats > EDGEDF_MODEL_MAX_FLOATS ? EDGEDF_MODEL_TOO_LARGE : EDGEDF_MODEL_OK;
}

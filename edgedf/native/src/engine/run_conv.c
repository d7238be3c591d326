/* Convolutions of a run, strip by strip. */
#include "bytes.h"
#include "model_internal.h"

/* What one thread computes of one convolution. */
typedef struct share {
  uint32_t first_unit, last_unit; /* output channels, or blocks of them for the dense kernel */
  uint32_t first_row, last_row;   /* of the output */
} share;

/* A channel costs its taps and about four more for its pool and store. */
static uint32_t split_taps(const uint32_t *starts, uint32_t units, uint32_t threads, uint32_t t) {
  uint64_t total = starts[units] + 4ull * units, unit = 0;
  while (unit < units && (starts[unit] + 4 * unit) * threads < total * t) unit++;
  return (uint32_t)unit;
}

/* By rows where there are enough of them, as a thread then mostly reads what it wrote in the step before; by
 * output channels, each with its own weights, where planes are small. */
static share share_of(const edgedf_run *run, uint32_t thread) {
  const edgedf_step *step = run->step;
  const edgedf_tensor *out = &run->model->plan.tensor[step->output];
  uint32_t channels = run->model->graph.nodes[step->node].out_channels;
  uint32_t block = edgedf_block_of(run->model->kernels, &run->model->plan, step);
  uint32_t units = step->dense ? (channels + block - 1) / block : channels, bounds[2];
  if (run->model->plan.tensor[step->input].windowed ||
      (!out->split && out->shape.h >= EDF_ROWS_PER_THREAD * run->threads))
    return (share){0, units, edgedf_split(out->shape.h, run->threads, thread),
                  edgedf_split(out->shape.h, run->threads, thread + 1)};
  for (uint32_t i = 0; i < 2; i++)
    bounds[i] = step->dense ? edgedf_split(units, run->threads, thread + i)
                            : split_taps(edgedf_table(run->model, step->starts), units, run->threads, thread + i);
  return (share){bounds[0], bounds[1], 0, out->shape.h};
}

/* The kernel does it all: its sums are rows of the output, which then need their padding. */
static void conv_direct(const edgedf_run *run, const float *in, const share *part, const edgedf_strip *strip, size_t n) {
  const edgedf_model *model = run->model;
  const edgedf_step *step = run->step;
  const edgedf_tensor *out = &model->plan.tensor[step->output], *other = NULL;
  const uint32_t *starts = edgedf_table(model, step->starts);
  const edgedf_tap *taps = edgedf_table(model, step->taps);
  const float *bias = edgedf_table(model, step->bias);
  const edgedf_epilogue *epilogues = edgedf_table(model, step->epilogues);
  if (step->other != EDF_NONE) other = &model->plan.tensor[step->other];
  for (uint32_t c = part->first_unit; c < part->last_unit; c++) {
    const float *start = other ? edgedf_row(other, run->arena, c, strip->first_out) : NULL;
    model->kernels->sparse(in, edgedf_row(out, run->arena, c, strip->first_out), n, taps + starts[c],
                           starts[c + 1] - starts[c], start, bias[c], &epilogues[c]);
    edgedf_pad_rows(out, run->arena, c, strip->first_out, strip->last_out);
  }
}

/* Sums of one channel in scratch, and from there to where they belong. */
static void conv_sparse(const edgedf_run *run, const float *in, const share *part, const edgedf_strip *strip, size_t n,
                        float *spare) {
  const edgedf_model *model = run->model;
  const edgedf_step *step = run->step;
  const uint32_t *starts = edgedf_table(model, step->starts);
  const edgedf_tap *taps = edgedf_table(model, step->taps);
  const float *bias = edgedf_table(model, step->bias);
  const edgedf_epilogue *epilogues = edgedf_table(model, step->epilogues);
  edgedf_strip one = *strip;
  for (one.channel = part->first_unit; one.channel < part->last_unit; one.channel++) {
    uint32_t c = one.channel;
    model->kernels->sparse(in, one.sums, n, taps + starts[c], starts[c + 1] - starts[c], NULL, bias[c],
                           &epilogues[c]);
    edgedf_finish_strip(run, &one, step->absorbed, spare);
  }
}

/* Ask for memory that the same channel's next strip will be written to: it is likely in no cache near. */
static void prefetch_rows(const edgedf_tensor *out, const float *after, size_t rows) {
#if defined(__GNUC__)
  for (const float *end = after + rows * out->row; after < end; after += 16) __builtin_prefetch(after, 1, 2);
#else
  (void)out, (void)after, (void)rows;
#endif
}

/* `target`: the first row of the first channel; the caller makes the padding. */
static void conv_pooled(const edgedf_run *run, const float *in, const share *part, const edgedf_strip *strip,
                        float *target) {
  const edgedf_model *model = run->model;
  const edgedf_step *step = run->step;
  const edgedf_tensor *out = &model->plan.tensor[step->output];
  const uint32_t *starts = edgedf_table(model, step->starts);
  const edgedf_tap *taps = edgedf_table(model, step->taps);
  const float *bias = edgedf_table(model, step->bias);
  const edgedf_epilogue *epilogues = edgedf_table(model, step->epilogues);
  edgedf_pooling pooling = {in, strip->row, NULL, out->row, strip->last_out - strip->first_out, out->shape.w,
                         model->graph.nodes[step->pool].kernel_h};
  for (uint32_t c = part->first_unit; c < part->last_unit; c++) {
    pooling.target = target + c * out->channel;
    if (!out->windowed) prefetch_rows(out, pooling.target + pooling.rows * out->row, pooling.rows);
    model->kernels->sparse_pool(&pooling, taps + starts[c], starts[c + 1] - starts[c], bias[c], &epilogues[c]);
  }
}

static void conv_dense(const edgedf_run *run, const float *in, const share *part, const edgedf_strip *strip, size_t n,
                       float *spare) {
  const edgedf_model *model = run->model;
  const edgedf_step *step = run->step;
  const edgedf_node *node = &model->graph.nodes[step->node];
  size_t taps = (size_t)node->in_channels * node->kernel_h * node->kernel_w;
  const float *weights = edgedf_table(model, step->weights), *bias = edgedf_table(model, step->bias);
  const edgedf_epilogue *epilogues = edgedf_table(model, step->epilogues);
  for (uint32_t unit = part->first_unit; unit < part->last_unit; unit++) {
    uint32_t block = model->kernels->block, first = unit * block;
    model->kernels->dense(in, strip->sums, step->strip_floats, n, edgedf_table(model, step->offsets),
                          weights + first * taps, taps, bias + first, epilogues + first);
    edgedf_strip one = *strip;
    for (uint32_t c = 0; c < block && first + c < node->out_channels; c++) {
      one.channel = first + c;
      one.sums = strip->sums + c * step->strip_floats;
      edgedf_finish_strip(run, &one, step->absorbed, spare);
    }
  }
}

/* Where the taps of a strip begin: its input in the arena, or in a window that now gets its rows. */
static const float *source_of(const edgedf_run *run, const edgedf_strip *strip, float *scratch, edgedf_window *windows) {
  const edgedf_tensor *in = &run->model->plan.tensor[run->step->input];
  const edgedf_node *node = &run->model->graph.nodes[run->step->node];
  if (!in->windowed) return run->arena + in->at + (size_t)strip->first_sum * in->row;
  edgedf_pull_rows(run, strip->first_sum, strip->last_sum + (node->kernel_h - 1) / in->stride_h, scratch, windows);
  return scratch + in->at;
}

/* A strip of rows from y on, at most to `last`. */
static edgedf_strip strip_at(const edgedf_run *run, uint32_t y, uint32_t last, float *sums) {
  uint32_t end = y + run->step->strip;
  edgedf_strip strip = {0, 0, 0, y, end < last ? end : last, sums, run->model->plan.tensor[run->step->input].row};
  edgedf_strip_rows(run, &strip);
  return strip;
}

void edgedf_conv_to_window(const edgedf_run *run, uint32_t first, uint32_t last, uint32_t origin, float *scratch,
                        edgedf_window *windows) {
  const edgedf_tensor *out = &run->model->plan.tensor[run->step->output];
  share all = {0, out->shape.c, first, last};
  for (uint32_t y = first; y < last; y += run->step->strip) {
    edgedf_strip strip = strip_at(run, y, last, NULL);
    const float *source = source_of(run, &strip, scratch, windows);
    float *target = scratch + out->at + (size_t)(y + out->pad_h - origin) * out->row + out->pad_w;
    conv_pooled(run, source, &all, &strip, target);
  }
}

static void run_strip(const edgedf_run *run, const float *source, const share *part, const edgedf_strip *strip,
                      float *spare) {
  const edgedf_step *step = run->step;
  const edgedf_tensor *out = &run->model->plan.tensor[step->output];
  size_t n = (size_t)(strip->last_sum - strip->first_sum - 1) * strip->row + step->sums.w;
  if (step->pooled) {
    conv_pooled(run, source, part, strip, edgedf_row(out, run->arena, 0, strip->first_out));
    for (uint32_t c = part->first_unit; c < part->last_unit; c++)
      edgedf_pad_rows(out, run->arena, c, strip->first_out, strip->last_out);
  } else if (step->int8) {
    for (uint32_t unit = part->first_unit; unit < part->last_unit; unit++)
      edgedf_conv_int8(run, source, unit, strip, n, spare);
  } else if (step->dense) {
    conv_dense(run, source, part, strip, n, spare);
  } else if (step->direct) {
    conv_direct(run, source, part, strip, n);
  } else {
    conv_sparse(run, source, part, strip, n, spare);
  }
}

void edgedf_run_conv(const edgedf_run *run, uint32_t thread, float *scratch) {
  const edgedf_plan *plan = &run->model->plan;
  edgedf_window windows[EDF_MAX_WINDOWS] = {{0, 0}}, *nearest = windows + (plan->windows > 0 ? plan->windows - 1 : 0);
  float *sums = scratch + plan->window_floats, *spare = sums + run->step->sums_floats;
  if (plan->tensor[run->step->output].windowed) return; /* made when it is read */
  share part = share_of(run, thread);
  for (uint32_t y = part.first_row; y < part.last_row; y += run->step->strip) {
    edgedf_strip strip = strip_at(run, y, part.last_row, sums);
    const float *source = source_of(run, &strip, scratch, nearest);
    run_strip(run, source, &part, &strip, spare);
  }
}

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
static share share_of(const edf_run *run, uint32_t thread) {
  const edf_step *step = run->step;
  const edf_tensor *out = &run->model->plan.tensor[step->output];
  uint32_t channels = run->model->graph.nodes[step->node].out_channels, block = run->model->kernels->block;
  uint32_t units = step->dense ? (channels + block - 1) / block : channels, bounds[2];
  if (step->window_floats > 0 || out->shape.h >= EDF_ROWS_PER_THREAD * run->threads)
    return (share){0, units, edf_split(out->shape.h, run->threads, thread),
                  edf_split(out->shape.h, run->threads, thread + 1)};
  for (uint32_t i = 0; i < 2; i++)
    bounds[i] = step->dense ? edf_split(units, run->threads, thread + i)
                            : split_taps(edf_table(run->model, step->starts), units, run->threads, thread + i);
  return (share){bounds[0], bounds[1], 0, out->shape.h};
}

/* The kernel does it all: its sums are rows of the output, which then need their padding. */
static void conv_direct(const edf_run *run, const float *in, const share *part, const edf_strip *strip, size_t n) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const edf_tensor *out = &model->plan.tensor[step->output], *other = NULL;
  const uint32_t *starts = edf_table(model, step->starts);
  const edf_tap *taps = edf_table(model, step->taps);
  const float *bias = edf_table(model, step->bias);
  const edf_epilogue *epilogues = edf_table(model, step->epilogues);
  if (step->other != EDF_NONE) other = &model->plan.tensor[step->other];
  for (uint32_t c = part->first_unit; c < part->last_unit; c++) {
    const float *start = other ? edf_row(other, run->arena, c, strip->first_out) : NULL;
    model->kernels->sparse(in, edf_row(out, run->arena, c, strip->first_out), n, taps + starts[c],
                           starts[c + 1] - starts[c], start, bias[c], &epilogues[c]);
    edf_pad_rows(out, run->arena, c, strip->first_out, strip->last_out);
  }
}

/* Sums of one channel in scratch, and from there to where they belong. */
static void conv_sparse(const edf_run *run, const float *in, const share *part, const edf_strip *strip, size_t n,
                        float *spare) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const uint32_t *starts = edf_table(model, step->starts);
  const edf_tap *taps = edf_table(model, step->taps);
  const float *bias = edf_table(model, step->bias);
  const edf_epilogue *epilogues = edf_table(model, step->epilogues);
  edf_strip one = *strip;
  for (one.channel = part->first_unit; one.channel < part->last_unit; one.channel++) {
    uint32_t c = one.channel;
    model->kernels->sparse(in, one.sums, n, taps + starts[c], starts[c + 1] - starts[c], NULL, bias[c],
                           &epilogues[c]);
    edf_finish_strip(run, &one, step->absorbed, spare);
  }
}

static void conv_pooled(const edf_run *run, const float *in, const share *part, const edf_strip *strip) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const edf_tensor *out = &model->plan.tensor[step->output];
  const uint32_t *starts = edf_table(model, step->starts);
  const edf_tap *taps = edf_table(model, step->taps);
  const float *bias = edf_table(model, step->bias);
  const edf_epilogue *epilogues = edf_table(model, step->epilogues);
  edf_pooling pooling = {in, strip->row, NULL, out->row, strip->last_out - strip->first_out, out->shape.w,
                         model->graph.nodes[step->pool].kernel_h};
  for (uint32_t c = part->first_unit; c < part->last_unit; c++) {
    pooling.target = edf_row(out, run->arena, c, strip->first_out);
    edf_pad_rows(out, run->arena, c, strip->first_out, strip->last_out);
    model->kernels->sparse_pool(&pooling, taps + starts[c], starts[c + 1] - starts[c], bias[c], &epilogues[c]);
  }
}

static void conv_dense(const edf_run *run, const float *in, const share *part, const edf_strip *strip, size_t n,
                       float *spare) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const edf_node *node = &model->graph.nodes[step->node];
  size_t taps = (size_t)node->in_channels * node->kernel_h * node->kernel_w;
  const float *weights = edf_table(model, step->weights), *bias = edf_table(model, step->bias);
  const edf_epilogue *epilogues = edf_table(model, step->epilogues);
  for (uint32_t unit = part->first_unit; unit < part->last_unit; unit++) {
    uint32_t block = model->kernels->block, first = unit * block;
    model->kernels->dense(in, strip->sums, step->strip_floats, n, edf_table(model, step->offsets),
                          weights + first * taps, taps, bias + first, epilogues + first);
    edf_strip one = *strip;
    for (uint32_t c = 0; c < block && first + c < node->out_channels; c++) {
      one.channel = first + c;
      one.sums = strip->sums + c * step->strip_floats;
      edf_finish_strip(run, &one, step->absorbed, spare);
    }
  }
}

void edf_run_conv(const edf_run *run, uint32_t thread, float *scratch) {
  const edf_step *step = run->step;
  const edf_tensor *in = &run->model->plan.tensor[step->input];
  share part = share_of(run, thread);
  float *sums = scratch + step->window_floats, *spare = sums + step->sums_floats;
  for (uint32_t y = part.first_row; y < part.last_row; y += step->strip) {
    edf_strip strip = {0, 0, 0, y, y + step->strip, sums, in->row};
    if (strip.last_out > part.last_row) strip.last_out = part.last_row;
    edf_strip_rows(run, &strip);
    size_t n = (size_t)(strip.last_sum - strip.first_sum - 1) * in->row + step->sums.w;
    const float *source = scratch;
    if (step->window_floats > 0)
      edf_fill_window(run, &strip, scratch, spare);
    else
      source = run->arena + in->at + (size_t)strip.first_sum * in->row;
    if (step->pooled)
      conv_pooled(run, source, &part, &strip);
    else if (step->dense)
      conv_dense(run, source, &part, &strip, n, spare);
    else if (step->direct)
      conv_direct(run, source, &part, &strip, n);
    else
      conv_sparse(run, source, &part, &strip, n, spare);
  }
}

/* The steps of a run: each thread computes its own output channels, strip by strip. */
#include "model_internal.h"

#include "bytes.h"

/* First unit of thread `t`: units are split so that each thread has about the same cost. */
static uint32_t split_even(uint32_t units, uint32_t threads, uint32_t t) {
  return (uint32_t)((uint64_t)units * t / threads);
}

/* A channel costs its taps and about four more for its pool and store. */
static uint32_t split_taps(const uint32_t *starts, uint32_t units, uint32_t threads, uint32_t t) {
  uint64_t total = starts[units] + 4ull * units, unit = 0;
  while (unit < units && (starts[unit] + 4 * unit) * threads < total * t) unit++;
  return (uint32_t)unit;
}

static void conv_sparse(const edf_run *run, const float *in, edf_strip *strip, size_t n, float *spare) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const uint32_t *starts = edf_table(model, step->starts);
  const edf_tap *taps = edf_table(model, step->taps);
  const float *bias = edf_table(model, step->bias);
  const edf_epilogue *epilogues = edf_table(model, step->epilogues);
  uint32_t c = strip->channel;
  model->kernels->sparse(in, strip->sums, n, taps + starts[c], starts[c + 1] - starts[c], bias[c], &epilogues[c]);
  edf_finish_strip(run, strip, step->absorbed, spare);
}

static void conv_dense(const edf_run *run, const float *in, edf_strip *strip, size_t n, float *spare) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  uint32_t block = model->kernels->block, first = strip->channel * block;
  const edf_node *node = &model->graph.nodes[step->node];
  size_t taps = (size_t)node->in_channels * node->kernel_h * node->kernel_w;
  const float *weights = edf_table(model, step->weights), *bias = edf_table(model, step->bias);
  const edf_epilogue *epilogues = edf_table(model, step->epilogues);
  model->kernels->dense(in, strip->sums, step->strip_floats, n, edf_table(model, step->offsets),
                        weights + first * taps, taps, bias + first, epilogues + first);
  edf_strip one = *strip;
  for (uint32_t c = 0; c < block && first + c < node->out_channels; c++) {
    one.channel = first + c;
    one.sums = strip->sums + c * step->strip_floats;
    edf_finish_strip(run, &one, step->absorbed, spare);
  }
}

void edf_run_conv(const edf_run *run, uint32_t thread, float *scratch) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const edf_tensor *in = &model->plan.tensor[step->input], *out = &model->plan.tensor[step->output];
  uint32_t channels = model->graph.nodes[step->node].out_channels, block = model->kernels->block;
  uint32_t units = step->dense ? (channels + block - 1) / block : channels, bounds[2];
  for (uint32_t i = 0; i < 2; i++)
    bounds[i] = step->dense ? split_even(units, run->threads, thread + i)
                            : split_taps(edf_table(model, step->starts), units, run->threads, thread + i);
  float *spare = scratch + (step->dense ? block : 1) * step->strip_floats;
  for (uint32_t y = 0; y < out->shape.h; y += step->strip) {
    edf_strip strip = {0, 0, 0, y, y + step->strip, scratch, in->row};
    if (strip.last_out > out->shape.h) strip.last_out = out->shape.h;
    edf_strip_rows(run, &strip);
    size_t n = (size_t)(strip.last_sum - strip.first_sum - 1) * in->row + step->sums.w;
    const float *source = run->arena + in->at + (size_t)strip.first_sum * in->row;
    for (strip.channel = bounds[0]; strip.channel < bounds[1]; strip.channel++)
      (step->dense ? conv_dense : conv_sparse)(run, source, &strip, n, spare);
  }
}

static float linear_sum(const edgedf_model *model, const edf_step *step, const float *in, uint32_t o) {
  const edf_node *node = &model->graph.nodes[step->node];
  const float *bias = edf_table(model, step->bias);
  if (step->dense) {
    const float *weights = edf_table(model, step->weights);
    return bias[o] + model->kernels->dot(weights + (size_t)o * node->in_channels, in, node->in_channels);
  }
  const uint32_t *starts = edf_table(model, step->starts);
  const edf_tap *taps = (const edf_tap *)edf_table(model, step->taps) + starts[o];
  size_t count = starts[o + 1] - starts[o], k = 0;
  /* Four sums, so that an addition need not wait for the one before it. */
  float sum[4] = {0, 0, 0, 0};
  for (; k + 4 <= count; k += 4)
    for (size_t j = 0; j < 4; j++) {
      float product = taps[k + j].weight * in[taps[k + j].offset];
      sum[j] = sum[j] + product;
    }
  for (; k < count; k++) {
    float product = taps[k].weight * in[taps[k].offset];
    sum[0] = sum[0] + product;
  }
  return bias[o] + ((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

void edf_run_linear(const edf_run *run, uint32_t thread, float *scratch) {
  const edf_step *step = run->step;
  const float *in = run->arena + run->model->plan.tensor[step->input].at;
  uint32_t outputs = step->sums.c, last = split_even(outputs, run->threads, thread + 1);
  for (uint32_t o = split_even(outputs, run->threads, thread); o < last; o++) {
    edf_strip strip = {o, 0, 1, 0, 1, scratch, 1};
    scratch[0] = linear_sum(run->model, step, in, o);
    edf_finish_strip(run, &strip, 0, scratch + step->strip_floats);
  }
}

void edf_run_copy(const edf_run *run, uint32_t thread, float *scratch) {
  const edf_step *step = run->step;
  const edf_tensor *in = &run->model->plan.tensor[step->input], *out = &run->model->plan.tensor[step->output];
  uint32_t last = split_even(step->sums.c, run->threads, thread + 1);
  for (uint32_t c = split_even(step->sums.c, run->threads, thread); c < last; c++)
    for (uint32_t y = 0; y < out->shape.h; y += step->strip) {
      edf_strip strip = {c, 0, 0, y, y + step->strip, scratch, step->sums.w};
      if (strip.last_out > out->shape.h) strip.last_out = out->shape.h;
      edf_strip_rows(run, &strip);
      for (uint32_t r = strip.first_sum; r < strip.last_sum; r++)
        memcpy(scratch + (r - strip.first_sum) * strip.row, edf_row(in, run->arena, c, r),
               step->sums.w * sizeof(float));
      edf_finish_strip(run, &strip, 0, scratch + step->strip_floats);
    }
}

void edf_run_crop(const edf_run *run, uint32_t thread, float *scratch) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const edf_tensor *out = &model->plan.tensor[step->output];
  float scale[3] = {1, 1, 1}, shift[3] = {0, 0, 0};
  uint32_t size = model->graph.contract.size, absorbed = 0;
  if (thread != 0) return; /* too little work to share */
  if (step->before.count > 0 && model->graph.nodes[step->before.nodes[0]].op == EDF_OP_AFFINE) {
    const float *vectors = edf_table(model, model->plan.affine[step->before.nodes[0]]);
    memcpy(scale, vectors, sizeof scale);
    memcpy(shift, vectors + 3, sizeof shift);
    absorbed = 1;
  }
  for (uint32_t y = 0; y < size; y++) {
    float *rows[3];
    for (uint32_t c = 0; c < 3; c++)
      rows[c] = edf_begin_row(out, run->arena, c, y, scratch + (size_t)c * (size + EDF_OVERRUN));
    model->kernels->crop_row(run->crop + y * run->row_bytes, size, rows, scale, shift);
    for (uint32_t c = 0; c < 3; c++) {
      edf_apply_chain(model, &step->before, absorbed, c, rows[c], size);
      edf_end_row(out, run->arena, c, y, rows[c]);
    }
  }
}

void edf_run_step(edf_run *run, uint32_t thread) {
  float *scratch = run->scratch + (size_t)thread * run->model->plan.scratch_floats;
  switch (run->step->kind) {
    case EDF_STEP_CROP: edf_run_crop(run, thread, scratch); break;
    case EDF_STEP_CONV: edf_run_conv(run, thread, scratch); break;
    case EDF_STEP_LINEAR: edf_run_linear(run, thread, scratch); break;
    default: edf_run_copy(run, thread, scratch); break;
  }
}

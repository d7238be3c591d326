/* The steps of a run that are not convolutions: each thread computes its own output channels. */
#include "model_internal.h"

#include "bytes.h"

static float linear_sum(const edgedf_model *model, const edgedf_step *step, const float *in, uint32_t o) {
  const edgedf_node *node = &model->graph.nodes[step->node];
  const float *bias = edgedf_table(model, step->bias);
  if (step->dense) {
    const float *weights = edgedf_table(model, step->weights);
    return bias[o] + model->kernels->dot(weights + (size_t)o * node->in_channels, in, node->in_channels);
  }
  const uint32_t *starts = edgedf_table(model, step->starts);
  const edgedf_tap *taps = (const edgedf_tap *)edgedf_table(model, step->taps) + starts[o];
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

void edgedf_run_linear(const edgedf_run *run, uint32_t thread, float *scratch) {
  const edgedf_step *step = run->step;
  const float *in = run->arena + run->model->plan.tensor[step->input].at;
  uint32_t outputs = step->sums.c, last = edgedf_split(outputs, run->threads, thread + 1);
  for (uint32_t o = edgedf_split(outputs, run->threads, thread); o < last; o++) {
    edgedf_strip strip = {o, 0, 1, 0, 1, scratch, 1};
    scratch[0] = linear_sum(run->model, step, in, o);
    edgedf_finish_strip(run, &strip, 0, scratch + step->strip_floats);
  }
}

void edgedf_run_copy(const edgedf_run *run, uint32_t thread, float *scratch) {
  const edgedf_step *step = run->step;
  const edgedf_tensor *in = &run->model->plan.tensor[step->input], *out = &run->model->plan.tensor[step->output];
  uint32_t last = edgedf_split(step->sums.c, run->threads, thread + 1);
  for (uint32_t c = edgedf_split(step->sums.c, run->threads, thread); c < last; c++)
    for (uint32_t y = 0; y < out->shape.h; y += step->strip) {
      edgedf_strip strip = {c, 0, 0, y, y + step->strip, scratch, step->sums.w};
      if (strip.last_out > out->shape.h) strip.last_out = out->shape.h;
      edgedf_strip_rows(run, &strip);
      for (uint32_t r = strip.first_sum; r < strip.last_sum; r++)
        memcpy(scratch + (r - strip.first_sum) * strip.row, edgedf_row(in, run->arena, c, r),
               step->sums.w * sizeof(float));
      edgedf_finish_strip(run, &strip, 0, scratch + step->strip_floats);
    }
}

void edgedf_run_step(edgedf_run *run, uint32_t thread) {
  float *scratch = run->scratch + (size_t)thread * run->model->plan.scratch_floats;
  switch (run->step->kind) {
    case EDF_STEP_CROP: edgedf_run_crop(run, thread, scratch); break;
    case EDF_STEP_CONV: edgedf_run_conv(run, thread, scratch); break;
    case EDF_STEP_LINEAR: edgedf_run_linear(run, thread, scratch); break;
    case EDF_STEP_QUANTISE: edgedf_run_quantise(run, thread); break;
    default: edgedf_run_copy(run, thread, scratch); break;
  }
}

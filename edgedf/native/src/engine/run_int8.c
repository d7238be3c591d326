/* Convolutions in 8-bit integers: floats to bytes, and blocks of channels from bytes to floats. */
#include "bytes.h"
#include "model_internal.h"

/* A quantised tensor's levels lie behind its words. */
static void *levels_of(const edgedf_tensor *words, float *arena) {
  return arena + words->at + words->floats - EDF_LEVELS_FLOATS;
}

/* Byte 0..255 that stands for zero, and the rounding that puts the range of a tensor onto 0..255. */
static edgedf_rounding find_levels(const float range[2], edgedf_levels *levels) {
  float width = range[1] - range[0], inverse = 0.0f;
  levels->step = 0.0f;
  if (!(width < EDF_LEAST_RANGE)) {
    levels->step = width / 255.0f;
    inverse = 255.0f / width;
  }
  float lowest = (0.0f - range[0]) * inverse, rounded = lowest + EDF_ROUNDER;
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  levels->zero = (int32_t)(bits & 255u);
  return (edgedf_rounding){inverse, EDF_ROUNDER + (float)levels->zero};
}

/* Each thread looks through the whole tensor, as the others have not got its range yet, and makes its part of every
 * plane. Padding is zeros, and becomes the byte of zero. */
void edgedf_run_quantise(const edgedf_run *run, uint32_t thread) {
  const edgedf_step *step = run->step;
  const edgedf_int8_kernels *int8 = run->model->plan.int8;
  const edgedf_tensor *in = &run->model->plan.tensor[step->input], *out = &run->model->plan.tensor[step->output];
  const float *from = run->arena + in->at;
  uint32_t *to = (uint32_t *)(void *)(run->arena + out->at), channels = in->shape.c;
  float range[2] = {0.0f, 0.0f};
  edgedf_levels levels;
  int8->widen(from, in->channel * channels, range);
  edgedf_rounding rounding = find_levels(range, &levels);
  if (thread == 0) memcpy(levels_of(out, run->arena), &levels, sizeof levels);
  size_t first = (size_t)((uint64_t)in->channel * thread / run->threads);
  size_t last = (size_t)((uint64_t)in->channel * (thread + 1) / run->threads);
  for (uint32_t g = 0; g < edgedf_word_planes(channels); g++) {
    const float *planes[4];
    for (uint32_t j = 0; j < 4; j++) {
      /* Behind the last channel anything will do: its weights are zeros. */
      uint32_t c = 4 * g + j < channels ? 4 * g + j : channels - 1;
      planes[j] = from + c * in->channel + first;
    }
    int8->quantise(&rounding, planes, to + g * out->channel + first, last - first);
  }
}

/* What the kernel needs for one block of channels: the byte of zero comes off every sum beforehand. */
static void start_block(const edgedf_run *run, uint32_t first, edgedf_int8_block *block) {
  const edgedf_model *model = run->model;
  const edgedf_step *step = run->step;
  const int32_t *totals = edgedf_table(model, step->totals);
  const float *scales = edgedf_table(model, step->scales);
  edgedf_levels levels;
  memcpy(&levels, levels_of(&model->plan.tensor[step->input], run->arena), sizeof levels);
  for (uint32_t c = 0; c < model->plan.int8->block; c++) {
    block->start[c] = (model->plan.int8->centre - (uint32_t)levels.zero) * (uint32_t)totals[first + c];
    block->scale[c] = levels.step * scales[first + c];
  }
}

void edgedf_conv_int8(const edgedf_run *run, const float *in, uint32_t unit, const edgedf_strip *strip, size_t n,
                   float *spare) {
  const edgedf_model *model = run->model;
  const edgedf_int8_kernels *int8 = model->plan.int8;
  const edgedf_step *step = run->step;
  const edgedf_node *node = &model->graph.nodes[step->node];
  size_t groups = (size_t)edgedf_word_planes(node->in_channels) * node->kernel_h * node->kernel_w;
  uint32_t first = unit * int8->block;
  edgedf_int8_block block = {(const uint32_t *)(const void *)in, strip->sums, step->strip_floats, n,
                          edgedf_table(model, step->offsets),
                          (const uint32_t *)edgedf_table(model, step->weights) + first * groups * int8->words, groups,
                          {0}, {0}, (const float *)edgedf_table(model, step->bias) + first,
                          (const edgedf_epilogue *)edgedf_table(model, step->epilogues) + first};
  start_block(run, first, &block);
  int8->conv(&block);
  edgedf_strip one = *strip;
  for (uint32_t c = 0; c < int8->block && first + c < node->out_channels; c++) {
    one.channel = first + c;
    one.sums = strip->sums + c * step->strip_floats;
    edgedf_finish_strip(run, &one, step->absorbed, spare);
  }
}

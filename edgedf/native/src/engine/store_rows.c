/* From sums to stored rows: what is left of the chain, residual addition, pooling, layout of the output. */
#include <string.h>

#include "bytes.h"
#include "model_internal.h"

#define LOWEST edgedf_float_of_bits(0xff800000u)
#define HIGHEST edgedf_float_of_bits(0x7f800000u)

static void apply_node(const edgedf_model *model, uint32_t index, uint32_t channel, float *row, size_t n) {
  const edgedf_node *node = &model->graph.nodes[index];
  switch (node->op) {
    case EDF_OP_AFFINE: {
      const float *vectors = edgedf_table(model, model->plan.affine[index]);
      float scale = vectors[channel], shift = vectors[node->shape.c + channel];
      for (size_t x = 0; x < n; x++) {
        float product = row[x] * scale;
        row[x] = product + shift;
      }
      break;
    }
    case EDF_OP_RELU:
      for (size_t x = 0; x < n; x++) row[x] = row[x] > 0.0f ? row[x] : 0.0f;
      break;
    case EDF_OP_LEAKY_RELU:
      for (size_t x = 0; x < n; x++) row[x] = row[x] >= 0.0f ? row[x] : row[x] * node->slope;
      break;
    case EDF_OP_CLAMP:
      for (size_t x = 0; x < n; x++) {
        float raised = row[x] > node->low ? row[x] : node->low;
        row[x] = raised < node->high ? raised : node->high;
      }
      break;
    default: /* EDF_OP_SIGMOID: the parser lets nothing else through */
      for (size_t x = 0; x < n; x++) row[x] = 1.0f / (1.0f + edgedf_exp(-row[x]));
      break;
  }
}

void edgedf_apply_chain(const edgedf_model *model, const edgedf_chain *chain, uint32_t from, uint32_t channel, float *row,
                     size_t n) {
  for (uint32_t i = from; i < chain->count; i++) apply_node(model, chain->nodes[i], channel, row, n);
}

void edgedf_store_phases(const edgedf_kernels *kernels, const edgedf_tensor *out, float *to, const float *row) {
  if (out->stride_w == 2) {
    uint32_t odd = out->pad_w % 2, pairs = (out->shape.w - odd) / 2, end = odd + 2 * pairs;
    float *even_plane = to + (out->pad_w + odd) / 2, *odd_plane = to + out->plane + out->pad_w / 2;
    if (odd) *odd_plane++ = row[0];
    kernels->split_pairs(row + odd, even_plane, odd_plane, pairs);
    if (end < out->shape.w) even_plane[pairs] = row[end];
    return;
  }
  for (uint32_t phase = 0; phase < out->stride_w; phase++) {
    /* First x whose padded column is in this phase. */
    uint32_t x = (phase + out->stride_w - out->pad_w % out->stride_w) % out->stride_w;
    float *at = to + phase * out->plane + (x + out->pad_w) / out->stride_w;
    for (; x < out->shape.w; x += out->stride_w) *at++ = row[x];
  }
}

/* One row into a tensor with phase planes; its padding was zeroed before. */
static void store_split(const edgedf_kernels *kernels, const edgedf_tensor *out, float *channel, uint32_t y, const float *row) {
  uint32_t padded = y + out->pad_h;
  edgedf_store_phases(kernels, out, channel + (size_t)(padded % out->stride_h) * out->stride_w * out->plane +
                            (size_t)(padded / out->stride_h) * out->row, row);
}

/* The zeros above the first and below the last row, and all of a split channel before its first row. */
static void zero_margins(const edgedf_tensor *out, float *channel, uint32_t y) {
  if (out->split) {
    if (y == 0) memset(channel, 0, out->channel * sizeof(float));
    return;
  }
  if (y == 0) memset(channel, 0, (size_t)out->pad_h * out->row * sizeof(float));
  if (y + 1 == out->shape.h)
    memset(channel + (size_t)(out->pad_h + out->shape.h) * out->row, 0,
           ((size_t)out->pad_h * out->row + out->pad_w) * sizeof(float));
}

/* Zeros left of a row. Those right of it are the ones left of the next row, after the gap, if rows are longer
 * than a picture row and its padding. */
static void zero_sides(const edgedf_tensor *out, float *row) {
  for (uint32_t x = 1; x <= out->pad_w; x++) row[-(ptrdiff_t)x] = 0.0f;
  for (uint32_t x = out->shape.w; x + out->pad_w < out->row; x++) row[x] = 0.0f;
}

float *edgedf_begin_row(const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t y, float *spare) {
  zero_margins(out, arena + out->at + channel * out->channel, y);
  if (out->split) return spare;
  float *row = edgedf_row(out, arena, channel, y);
  zero_sides(out, row);
  return row;
}

void edgedf_end_row(const edgedf_kernels *kernels, const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t y,
                 const float *row) {
  if (out->split) store_split(kernels, out, arena + out->at + channel * out->channel, y, row);
}

void edgedf_pad_rows(const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t first, uint32_t last) {
  if (first == 0) zero_margins(out, arena + out->at + channel * out->channel, 0);
  if (last == out->shape.h) zero_margins(out, arena + out->at + channel * out->channel, last - 1);
  float *row = edgedf_row(out, arena, channel, first);
  for (uint32_t y = first; y < last; y++, row += out->row) zero_sides(out, row);
}

static void store_row(const edgedf_kernels *kernels, const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t y, float *row) {
  float *to = edgedf_begin_row(out, arena, channel, y, row);
  if (to != row) memcpy(to, row, out->shape.w * sizeof(float));
  edgedf_end_row(kernels, out, arena, channel, y, to);
}

void edgedf_strip_rows(const edgedf_run *run, edgedf_strip *strip) {
  const edgedf_step *step = run->step;
  strip->first_sum = strip->first_out;
  strip->last_sum = strip->last_out;
  if (step->pool == EDF_NONE) return;
  const edgedf_node *pool = &run->model->graph.nodes[step->pool];
  uint32_t first = strip->first_out * pool->stride_h, last = (strip->last_out - 1) * pool->stride_h + pool->kernel_h;
  strip->first_sum = first > pool->pad_h ? first - pool->pad_h : 0;
  strip->last_sum = last > pool->pad_h ? last - pool->pad_h : 0;
  if (strip->last_sum > step->sums.h) strip->last_sum = step->sums.h;
}

/* Maximum of windows of one row: `in` holds the vertical maxima with LOWEST as padding on both sides. */
static void pool_columns(const edgedf_kernels *k, const edgedf_node *pool, float *in, size_t padded, float *spare,
                         float *to, size_t n) {
  uint32_t width = pool->kernel_w;
  if (width == pool->stride_w && (width & (width - 1)) == 0 && pool->pad_w == 0) {
    for (; width > 2; width /= 2) k->max_pairs(in, in, n * width / 2);
    if (width == 2)
      k->max_pairs(in, to, n);
    else
      memcpy(to, in, n * sizeof(float));
    return;
  }
  memcpy(spare, in, padded * sizeof(float));
  for (uint32_t dx = 1; dx < width; dx++) k->max_rows(spare, in + dx, spare, padded - dx);
  for (size_t x = 0; x < n; x++) to[x] = spare[x * pool->stride_w];
}

/* Vertical maxima of the rows of a window: `row` has room for the padding on both sides. */
static void max_of_rows(const edgedf_run *run, const edgedf_strip *strip, uint32_t y, const edgedf_node *pool, float *row) {
  const edgedf_kernels *kernels = run->model->kernels;
  size_t width = run->step->sums.w;
  uint32_t first = y * pool->stride_h, last = first + pool->kernel_h, pad = pool->pad_h;
  first = first > pad ? first - pad : 0;
  last = last - pad < run->step->sums.h ? last - pad : run->step->sums.h;
  const float *in = strip->sums + (first - strip->first_sum) * strip->row;
  if (last == first + 1) {
    memcpy(row, in, width * sizeof(float));
    return;
  }
  kernels->max_rows(in, in + strip->row, row, width);
  for (uint32_t r = first + 2; r < last; r++)
    kernels->max_rows(row, strip->sums + (r - strip->first_sum) * strip->row, row, width);
}

static void max_pool_row(const edgedf_run *run, const edgedf_strip *strip, uint32_t y, float *scratch, float *to, size_t n) {
  const edgedf_node *pool = &run->model->graph.nodes[run->step->pool];
  size_t padded = run->step->sums.w + 2 * (size_t)pool->pad_w;
  float *row = scratch, *spare = scratch + padded + EDF_OVERRUN;
  for (uint32_t x = 0; x < pool->pad_w; x++) row[x] = row[padded - 1 - x] = LOWEST;
  max_of_rows(run, strip, y, pool, row + pool->pad_w);
  pool_columns(run->model->kernels, pool, row, padded, spare, to, n);
}

static void avg_pool_row(const edgedf_run *run, const edgedf_strip *strip, uint32_t y, float *to, size_t n) {
  const edgedf_node *pool = &run->model->graph.nodes[run->step->pool];
  float count = (float)(pool->kernel_h * pool->kernel_w);
  for (size_t x = 0; x < n; x++) {
    float sum = 0.0f;
    for (uint32_t dy = 0; dy < pool->kernel_h; dy++) {
      const float *in = strip->sums + (y * pool->stride_h + dy - strip->first_sum) * strip->row + x * pool->stride_w;
      for (uint32_t dx = 0; dx < pool->kernel_w; dx++) sum += in[dx];
    }
    to[x] = sum / count;
  }
}

static void add_other(const edgedf_run *run, const edgedf_strip *strip) {
  const edgedf_step *step = run->step;
  const edgedf_tensor *other = &run->model->plan.tensor[step->other];
  int relu = step->middle.count > 0 && run->model->graph.nodes[step->middle.nodes[0]].op == EDF_OP_RELU;
  for (uint32_t r = strip->first_sum; r < strip->last_sum; r++) {
    float *row = strip->sums + (r - strip->first_sum) * strip->row;
    run->model->kernels->add_row(row, edgedf_row(other, run->arena, strip->channel, r), step->sums.w,
                                 relu ? 0.0f : LOWEST, HIGHEST);
    edgedf_apply_chain(run->model, &step->middle, (uint32_t)relu, strip->channel, row, step->sums.w);
  }
}

static void pool_and_store(const edgedf_run *run, const edgedf_strip *strip, float *scratch) {
  const edgedf_step *step = run->step;
  const edgedf_tensor *out = &run->model->plan.tensor[step->output];
  size_t width = out->shape.w;
  float *free_rows = scratch + width + EDF_OVERRUN;
  for (uint32_t y = strip->first_out; y < strip->last_out; y++) {
    float *made = edgedf_begin_row(out, run->arena, strip->channel, y, scratch);
    if (run->model->graph.nodes[step->pool].op == EDF_OP_MAX_POOL)
      max_pool_row(run, strip, y, free_rows, made, width);
    else
      avg_pool_row(run, strip, y, made, width);
    edgedf_apply_chain(run->model, &step->after, 0, strip->channel, made, width);
    edgedf_end_row(run->model->kernels, out, run->arena, strip->channel, y, made);
  }
}

void edgedf_finish_strip(const edgedf_run *run, const edgedf_strip *strip, uint32_t absorbed, float *scratch) {
  const edgedf_step *step = run->step;
  if (absorbed < step->before.count)
    for (uint32_t r = strip->first_sum; r < strip->last_sum; r++)
      edgedf_apply_chain(run->model, &step->before, absorbed, strip->channel,
                      strip->sums + (r - strip->first_sum) * strip->row, step->sums.w);
  if (step->other != EDF_NONE) add_other(run, strip);
  if (step->pool != EDF_NONE) {
    pool_and_store(run, strip, scratch);
    return;
  }
  const edgedf_tensor *out = &run->model->plan.tensor[step->output];
  for (uint32_t y = strip->first_out; y < strip->last_out; y++)
    store_row(run->model->kernels, out, run->arena, strip->channel, y, strip->sums + (y - strip->first_sum) * strip->row);
}

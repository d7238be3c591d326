/* Decode a model's coded weights straight into the tables that its kernels read. */
#include "bytes.h"
#include "coder.h"
#include "model_internal.h"

/* A vector of floats stored as f32 or f16; all of them must be finite. */
static int read_vector(const uint8_t *from, uint32_t form, size_t count, float *to) {
  for (size_t i = 0; i < count; i++) {
    to[i] = form == EDF_FORM_F32 ? edgedf_f32(from + 4 * i) : edgedf_float_of_half(edgedf_u16(from + 2 * i));
    if (!edgedf_is_finite(to[i])) return 0;
  }
  return 1;
}

static double largest(const float *values, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) {
    double size = values[i] < 0 ? -(double)values[i] : (double)values[i];
    if (size > most) most = size;
  }
  return most;
}

/* Where the weights of one node come from and go to. */
typedef struct reading {
  const edgedf_node *node;
  const uint8_t *scales, *low; /* per-channel scales; low bytes of the nonzero weights */
  edgedf_decoder *decoder;
  int32_t units; /* int8: the weight just read, -127..127 scales */
} reading;

static float scale_of(const reading *r, uint32_t o) {
  return r->node->vector_form == EDF_FORM_F32 ? edgedf_f32(r->scales + 4 * (size_t)o)
                                              : edgedf_float_of_half(edgedf_u16(r->scales + 2 * (size_t)o));
}

/* Those of channels without a weight, too. */
static int good_scales(const reading *r) {
  uint32_t count = r->node->vector_form == EDF_FORM_NONE ? 0 : r->node->out_channels;
  for (uint32_t o = 0; o < count; o++)
    if (!edgedf_is_finite(scale_of(r, o))) return 0;
  return 1;
}

/* The next nonzero weight of output channel `o`. */
static float read_weight(reading *r, uint32_t o) {
  uint32_t high = edgedf_decode_high(r->decoder);
  if (r->node->weight_form == EDF_FORM_F32) {
    const uint8_t *low = r->low;
    r->low += 3;
    return edgedf_float_of_bits((uint32_t)low[0] | (uint32_t)low[1] << 8 | (uint32_t)low[2] << 16 | high << 24);
  }
  if (r->node->weight_form == EDF_FORM_F16) return edgedf_float_of_half(*r->low++ | high << 8);
  r->units = high & 128u ? -(int32_t)(high & 127u) : (int32_t)(high & 127u);
  return (float)r->units * scale_of(r, o);
}

/* Offset of a tap from the output position, in floats of the input tensor. */
static int32_t tap_offset(const edgedf_tensor *in, const edgedf_node *node, uint32_t channel, uint32_t dy, uint32_t dx) {
  uint32_t y = dy + in->pad_h - node->pad_h, x = dx + in->pad_w - node->pad_w;
  size_t phase = (size_t)(y % in->stride_h) * in->stride_w + x % in->stride_w;
  return (int32_t)(channel * in->channel + phase * in->plane + (size_t)(y / in->stride_h) * in->row +
                   x / in->stride_w);
}

/* Where weight (o, k) goes; `k` counts input channel, row, column of the kernel. */
typedef struct target {
  const edgedf_tensor *in;
  edgedf_step *step;
  edgedf_tap *taps;
  uint32_t *starts;
  float *weights;
  uint32_t per_channel, block, count;
  edgedf_words words; /* int8 */
} target;

static int32_t offset_of(const target *to, const edgedf_node *node, uint32_t o, uint32_t k) {
  if (node->op == EDF_OP_LINEAR) return (int32_t)k;
  uint32_t area = node->kernel_h * node->kernel_w, inside = k % area;
  uint32_t group = o / (node->out_channels / node->groups);
  return tap_offset(to->in, node, group * node->in_channels + k / area, inside / node->kernel_w,
                    inside % node->kernel_w);
}

static void put_weight(target *to, const edgedf_node *node, uint32_t o, uint32_t k, float weight) {
  if (!to->step->dense) {
    to->taps[to->count] = (edgedf_tap){offset_of(to, node, o, k), weight};
  } else if (node->op == EDF_OP_LINEAR) {
    to->weights[(size_t)o * to->per_channel + k] = weight;
  } else {
    size_t block = o / to->block, lane = o % to->block;
    to->weights[(block * to->per_channel + k) * to->block + lane] = weight;
  }
}

/* *gain: the largest sum of magnitudes of one output channel's weights. */
static int read_weights(reading *r, target *to, double *gain) {
  const edgedf_node *node = r->node;
  uint32_t before = 0;
  edgedf_contexts_next_tensor(&r->decoder->contexts);
  for (uint32_t o = 0; o < node->out_channels; o++) {
    double sum = 0;
    if (!to->step->dense) to->starts[o] = to->count;
    for (uint32_t k = 0; k < to->per_channel; k++) {
      uint32_t here = (uint32_t)edgedf_decode_bit(r->decoder, &r->decoder->contexts.present[before]);
      before = (before << 1 | here) & 3u;
      if (!here) continue;
      if (to->count == node->nonzero) return 0;
      float weight = read_weight(r, o);
      if (!edgedf_is_finite(weight) || weight == 0.0f) return 0;
      if (to->step->int8)
        edgedf_put_word(&to->words, o, k, r->units, scale_of(r, o));
      else
        put_weight(to, node, o, k, weight);
      sum += weight < 0 ? -weight : weight;
      to->count++;
    }
    if (sum > *gain) *gain = sum;
    if (r->decoder->bad) return 0;
  }
  if (!to->step->dense) to->starts[node->out_channels] = to->count;
  return to->count == node->nonzero;
}

static int read_layer(const uint8_t *file, edgedf_model *model, edgedf_step *step, edgedf_decoder *decoder) {
  const edgedf_node *node = &model->graph.nodes[step->node];
  const uint8_t *raw = file + node->raw_at;
  size_t scale_bytes = (size_t)node->out_channels * edgedf_form_bytes(node->vector_form);
  size_t bias_bytes = (size_t)node->out_channels * edgedf_form_bytes(node->bias_form);
  reading r = {node, raw, raw + scale_bytes + bias_bytes, decoder, 0};
  float *bias = edgedf_table(model, step->bias);
  if (node->bias_form != EDF_FORM_NONE && !read_vector(raw + scale_bytes, node->bias_form, node->out_channels, bias))
    return 0;
  if (!good_scales(&r)) return 0;
  uint32_t per_channel = (uint32_t)(edgedf_weight_count(node) / node->out_channels);
  target to = {&model->plan.tensor[step->input],
               step,
               edgedf_table(model, step->taps),
               edgedf_table(model, step->starts),
               edgedf_table(model, step->weights),
               per_channel,
               model->kernels->block,
               0,
               edgedf_words_at(model, step)};
  if (step->int8) {
    int32_t *offsets = edgedf_table(model, step->offsets);
    uint32_t area = node->kernel_h * node->kernel_w, groups = edgedf_word_planes(node->in_channels);
    for (uint32_t k = 0; k < groups * area; k++)
      offsets[k] = tap_offset(to.in, node, k / area, k % area / node->kernel_w, k % area % node->kernel_w);
  } else if (step->dense && step->kind == EDF_STEP_CONV) {
    int32_t *offsets = edgedf_table(model, step->offsets);
    for (uint32_t k = 0; k < per_channel; k++) offsets[k] = offset_of(&to, node, 0, k);
  }
  model->offset[step->node] = largest(bias, node->out_channels);
  return read_weights(&r, &to, &model->gain[step->node]);
}

static int read_affine(const uint8_t *file, edgedf_model *model, uint32_t index) {
  const edgedf_node *node = &model->graph.nodes[index];
  float *vectors = edgedf_table(model, model->plan.affine[index]);
  if (!read_vector(file + node->raw_at, node->vector_form, 2 * (size_t)node->shape.c, vectors)) return 0;
  model->gain[index] = largest(vectors, node->shape.c);
  model->offset[index] = largest(vectors + node->shape.c, node->shape.c);
  return 1;
}

/* One operator into an epilogue that holds those before it. */
static void add_to_epilogue(const edgedf_model *model, uint32_t index, uint32_t channel, edgedf_epilogue *e) {
  const edgedf_node *node = &model->graph.nodes[index];
  const float infinity = edgedf_float_of_bits(0x7f800000u);
  if (node->op == EDF_OP_AFFINE) {
    const float *vectors = edgedf_table(model, model->plan.affine[index]);
    e->scale = vectors[channel];
    e->shift = vectors[node->shape.c + channel];
    e->flags |= EDF_AFFINE;
    return;
  }
  float low = node->op == EDF_OP_RELU ? 0.0f : node->low, high = node->op == EDF_OP_RELU ? infinity : node->high;
  int after = (e->flags & (EDF_AFFINE | EDF_CLAMP_BEFORE)) != 0;
  *(after ? &e->low_after : &e->low_before) = low;
  *(after ? &e->high_after : &e->high_before) = high;
  e->flags |= after ? EDF_CLAMP_AFTER : EDF_CLAMP_BEFORE;
  if (high < infinity) e->flags |= EDF_BOUNDED;
}

static void fill_epilogue(const edgedf_model *model, const edgedf_step *step, uint32_t channel, edgedf_epilogue *e) {
  const float infinity = edgedf_float_of_bits(0x7f800000u);
  *e = (edgedf_epilogue){0, -infinity, infinity, 1.0f, 0.0f, -infinity, infinity};
  for (uint32_t i = 0; i < step->absorbed; i++) add_to_epilogue(model, step->before.nodes[i], channel, e);
  for (uint32_t i = 0; step->direct && i < step->middle.count; i++)
    add_to_epilogue(model, step->middle.nodes[i], channel, e);
  for (uint32_t i = 0; step->pooled && i < step->after.count; i++)
    add_to_epilogue(model, step->after.nodes[i], channel, e);
}

edgedf_model_status edgedf_decode_tables(const uint8_t *file, edgedf_model *model) {
  edgedf_decoder decoder;
  edgedf_decoder_begin(&decoder, file + model->graph.code.at, model->graph.code.bytes);
  for (uint32_t i = 0; i < model->graph.count; i++) {
    const edgedf_node *node = &model->graph.nodes[i];
    model->gain[i] = model->offset[i] = 0;
    if (node->op == EDF_OP_AFFINE && !read_affine(file, model, i)) return EDGEDF_MODEL_BAD_WEIGHTS;
    if (node->op != EDF_OP_CONV && node->op != EDF_OP_LINEAR) continue;
    for (uint32_t s = 0; s < model->plan.steps; s++)
      if (model->plan.step[s].node == i && !read_layer(file, model, &model->plan.step[s], &decoder))
        return EDGEDF_MODEL_BAD_WEIGHTS;
  }
  if (decoder.bad || decoder.at != decoder.end) return EDGEDF_MODEL_BAD_WEIGHTS;
  for (uint32_t s = 0; s < model->plan.steps; s++) {
    const edgedf_step *step = &model->plan.step[s];
    if (step->kind != EDF_STEP_CONV) continue;
    edgedf_epilogue *epilogues = edgedf_table(model, step->epilogues);
    for (uint32_t o = 0; o < model->graph.nodes[step->node].out_channels; o++)
      fill_epilogue(model, step, o, &epilogues[o]);
  }
  return EDGEDF_MODEL_OK;
}

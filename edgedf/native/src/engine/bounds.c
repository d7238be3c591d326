/* No activation of a run is infinite or NaN. Maxima and clamps pass over a NaN, so one inside a network could end as a
 * finite logit and a verdict. Here each tensor gets a bound of its magnitudes, from the crop's 255 and the weights, when a
 * model is opened. Where bounds grow too large, as worst cases do in deep networks, the run measures a tensor and the
 * bounds start again from what it may hold at most. */
#include "bytes.h"
#include "model_internal.h"

/* Floats hold almost 2^128. Beyond what bounds say, rounding adds less than a factor of 2^8: a path through the network
 * has at most 2^26 weights and 2^24 numbers in average pools, and each operation adds 2^-24. */
#define MOST 0x1p120
/* What a measured tensor may hold: far above every trained network, far below MOST. */
#define MOST_MEASURED 0x1p64
#define LEAST_MEASURED 0x1p-126
/* A tensor's bytes stand for numbers up to one of 255 steps beyond its own. */
#define BYTES_REACH 1.02

typedef struct bounds {
  edgedf_model *model;
  double tensor[EDF_MAX_TENSORS];
} bounds;

static double larger(double a, double b) { return a > b ? a : b; }

static double magnitude(double x) { return x < 0 ? -x : x; }

/* Largest magnitude after a node whose inputs are at most `x`. */
static double after_node(const edgedf_model *model, uint32_t index, double x) {
  const edgedf_node *node = &model->graph.nodes[index];
  double ends = larger(magnitude(node->low), magnitude(node->high));
  switch (node->op) {
    case EDF_OP_LEAKY_RELU: return x * larger(1.0, magnitude(node->slope));
    case EDF_OP_CLAMP: return node->low <= 0 && node->high >= 0 && x < ends ? x : ends;
    case EDF_OP_SIGMOID: return 1.0;
    case EDF_OP_AFFINE:
    case EDF_OP_CONV:
    case EDF_OP_LINEAR: return x * model->gain[index] + model->offset[index];
    default: return x;
  }
}

/* x, noted. What becomes not a number was infinite before, and that is kept. */
static double note(double x, double *most) {
  if (x > *most) *most = x;
  return x;
}

static double after_chain(const edgedf_model *model, const edgedf_chain *chain, double x, double *most) {
  for (uint32_t i = 0; i < chain->count; i++) x = note(after_node(model, chain->nodes[i], x), most);
  return x;
}

/* Largest magnitude of a step's output, where it reads at most `in` and adds at most `other`; *most: of everything on the
 * way there. */
static double after_step(const edgedf_model *model, const edgedf_step *step, double in, double other, double *most) {
  double x = *most = step->int8 ? in * BYTES_REACH : in;
  if (step->node != EDF_NONE) x = note(after_node(model, step->node, x), most);
  x = after_chain(model, &step->before, x, most);
  x = note(x + other, most);
  x = after_chain(model, &step->middle, x, most);
  if (step->pool != EDF_NONE) {
    const edgedf_node *pool = &model->graph.nodes[step->pool];
    if (pool->op == EDF_OP_AVG_POOL) note(x * pool->kernel_h * pool->kernel_w, most);
  }
  return after_chain(model, &step->after, x, most);
}

/* The bound of a tensor; a view's is that of what it views. */
static double *bound_of(bounds *b, uint32_t tensor) {
  const edgedf_tensor *t = &b->model->plan.tensor[tensor];
  return &b->tensor[t->alias == EDF_NONE ? tensor : t->alias];
}

/* Let a step measure what it reads, at most `most`. Bytes were made of floats by an earlier step, which measures those.
 * Returns 0 where there is nothing to measure. */
static int measure_input(bounds *b, uint32_t index, double most) {
  edgedf_model *model = b->model;
  const edgedf_step *step = &model->plan.step[index];
  const edgedf_tensor *in = &model->plan.tensor[step->input];
  if (step->kind == EDF_STEP_CROP || in->windowed) return 0;
  model->limit[index] = (float)most;
  if (in->quantised && most < model->limit[in->first]) model->limit[in->first] = (float)most;
  *bound_of(b, step->input) = most;
  if (step->other != EDF_NONE) *bound_of(b, step->other) = most;
  return 1;
}

static int bound_step(bounds *b, uint32_t index) {
  const edgedf_step *step = &b->model->plan.step[index];
  double in = step->kind == EDF_STEP_CROP ? 255.0 : *bound_of(b, step->input), most;
  double other = step->other == EDF_NONE ? 0.0 : *bound_of(b, step->other);
  double out = after_step(b->model, step, in, other, &most);
  if (!(most <= MOST)) {
    for (in = MOST_MEASURED; in >= LEAST_MEASURED; in /= 2) {
      other = step->other == EDF_NONE ? 0.0 : in;
      out = after_step(b->model, step, in, other, &most);
      if (most <= MOST) break;
    }
    if (in < LEAST_MEASURED || !measure_input(b, index, in)) return 0;
  }
  *bound_of(b, step->output) = out;
  return 1;
}

edgedf_model_status edgedf_bound_activations(edgedf_model *model) {
  bounds b = {model, {0}};
  for (uint32_t i = 0; i < model->plan.steps; i++) {
    model->limit[i] = edgedf_float_of_bits(0x7f800000u);
    if (!bound_step(&b, i)) return EDGEDF_MODEL_NOT_FINITE;
  }
  return EDGEDF_MODEL_OK;
}

/* Whether the magnitudes of a tensor are at most `most`. Bits of magnitudes are in the order of their numbers. */
static int is_within(const edgedf_run *run, uint32_t tensor, float most) {
  const edgedf_tensor *t = &run->model->plan.tensor[tensor];
  const float *from = run->arena + t->at;
  uint32_t largest = 0;
  if (t->quantised) return 1;
  for (size_t i = 0; i < t->channel * t->shape.c; i++) {
    uint32_t bits;
    memcpy(&bits, from + i, sizeof bits);
    bits &= 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  return edgedf_float_of_bits(largest) <= most;
}

int edgedf_may_run_step(const edgedf_run *run) {
  const edgedf_step *step = run->step;
  float most = run->model->limit[step - run->model->plan.step];
  if (!edgedf_is_finite(most)) return 1;
  return is_within(run, step->input, most) && (step->other == EDF_NONE || is_within(run, step->other, most));
}

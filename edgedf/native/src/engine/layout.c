/* Layouts: padding and phase planes of each activation are what its readers want, so nobody has to copy. */
#include <string.h>

#include "plan.h"

/* What a tensor's readers need, gathered over all steps. */
typedef struct needs {
  int convs, others, flat, mixed;
  uint32_t stride_h, stride_w;         /* of all its convolutions, unless mixed */
  uint32_t pad_h, pad_w;               /* largest of all its convolutions */
  uint32_t plain_pad_h, plain_pad_w;   /* largest of those without stride */
  uint32_t plain_reach;                /* widest output of those without stride */
} needs;

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t root_of(const edgedf_graph *graph, uint32_t value) {
  while (value != EDF_CROP_VALUE && graph->nodes[value - 1].op == EDF_OP_FLATTEN)
    value = graph->nodes[value - 1].input[0];
  return value;
}

static void need_conv(needs *n, const edgedf_node *conv) {
  if (n->convs > 0 && (n->stride_h != conv->stride_h || n->stride_w != conv->stride_w)) n->mixed = 1;
  n->convs++;
  n->stride_h = conv->stride_h;
  n->stride_w = conv->stride_w;
  n->pad_h = larger(n->pad_h, conv->pad_h);
  n->pad_w = larger(n->pad_w, conv->pad_w);
  if (conv->stride_h == 1 && conv->stride_w == 1) {
    n->plain_pad_h = larger(n->plain_pad_h, conv->pad_h);
    n->plain_pad_w = larger(n->plain_pad_w, conv->pad_w);
    n->plain_reach = larger(n->plain_reach, conv->shape.w);
  }
}

static needs gather(const edgedf_graph *graph, const edgedf_plan *plan, uint32_t steps, uint32_t value) {
  needs n;
  memset(&n, 0, sizeof n);
  n.stride_h = n.stride_w = 1;
  for (uint32_t i = 0; i < steps; i++) {
    const edgedf_step *step = &plan->step[i];
    if (step->kind != EDF_STEP_CROP && root_of(graph, step->in_value) == value) {
      n.flat |= step->in_value != value;
      if (step->kind == EDF_STEP_CONV)
        need_conv(&n, &graph->nodes[step->node]);
      else
        n.others++;
    }
    if (step->other != EDF_NONE && root_of(graph, step->other_value) == value) {
      n.flat |= step->other_value != value;
      n.others++;
    }
  }
  /* The result itself may be a flattened one. */
  n.flat |= root_of(graph, graph->count) == value && value != graph->count;
  return n;
}

static int measure(edgedf_tensor *t) {
  uint64_t padded_h = (uint64_t)t->shape.h + 2 * t->pad_h, padded_w = (uint64_t)t->shape.w + 2 * t->pad_w;
  t->split = t->stride_h != 1 || t->stride_w != 1;
  uint64_t rows = (padded_h + t->stride_h - 1) / t->stride_h;
  uint64_t row = t->split ? (padded_w + t->stride_w - 1) / t->stride_w : t->shape.w + (uint64_t)t->pad_w;
  /* Sums lie as far apart as input rows: padding of a kernel's width or more makes them longer than those. */
  if (!t->split && row < t->reach) row = t->reach;
  uint64_t plane = rows * row + (t->split ? 0 : t->pad_w);
  uint64_t channel = plane * t->stride_h * t->stride_w;
  uint64_t floats = channel * t->shape.c + EDF_OVERRUN;
  if (floats > EDGEDF_MODEL_MAX_FLOATS) return 0;
  t->rows = (uint32_t)rows;
  t->row = (uint32_t)row;
  t->plane = (size_t)plane;
  t->channel = (size_t)channel;
  t->floats = (size_t)floats;
  return 1;
}

static edgedf_tensor *new_tensor(edgedf_plan *plan, edgedf_shape shape) {
  edgedf_tensor *t = &plan->tensor[plan->tensors++];
  memset(t, 0, sizeof *t);
  t->shape = shape;
  t->stride_h = t->stride_w = 1;
  t->alias = EDF_NONE;
  return t;
}

/* The tensor of a stored value. */
static int add_tensor(const edgedf_graph *graph, edgedf_plan *plan, uint32_t steps, uint32_t value) {
  needs n = gather(graph, plan, steps, value);
  edgedf_tensor *t = new_tensor(plan, edgedf_value_shape(graph, value));
  if (n.flat) return measure(t);
  int split = n.convs > 0 && n.others == 0 && !n.mixed;
  t->stride_h = split ? n.stride_h : 1;
  t->stride_w = split ? n.stride_w : 1;
  t->pad_h = split ? n.pad_h : n.plain_pad_h;
  t->pad_w = split ? n.pad_w : n.plain_pad_w;
  t->reach = n.plain_reach;
  return measure(t);
}

static int fits(const edgedf_tensor *t, const edgedf_node *conv) {
  return t->stride_h == conv->stride_h && t->stride_w == conv->stride_w && t->pad_h >= conv->pad_h &&
         t->pad_w >= conv->pad_w && t->row >= conv->shape.w;
}

/* A copy of tensor `from` laid out for one convolution; returns the copy. */
static uint16_t add_copy(edgedf_plan *plan, uint16_t from, const edgedf_node *conv) {
  edgedf_tensor *t = new_tensor(plan, plan->tensor[from].shape);
  t->stride_h = conv->stride_h;
  t->stride_w = conv->stride_w;
  t->pad_h = conv->pad_h;
  t->pad_w = conv->pad_w;
  t->reach = conv->shape.w;
  edgedf_step *copy = &plan->step[plan->steps];
  memset(copy, 0, sizeof *copy);
  copy->kind = EDF_STEP_COPY;
  copy->node = copy->pool = copy->other = EDF_NONE;
  copy->sums = t->shape;
  copy->input = from;
  copy->output = (uint16_t)(plan->tensors - 1);
  return measure(t) ? copy->output : (uint16_t)EDF_NONE;
}

/* The tensor through which a step reads a value: the stored one, or a flat view of it. */
static uint16_t view_of(const edgedf_graph *graph, edgedf_plan *plan, const uint16_t *stored, uint32_t value) {
  uint16_t base = stored[root_of(graph, value)];
  if (root_of(graph, value) == value || plan->tensors == EDF_MAX_TENSORS) return base;
  edgedf_tensor *view = new_tensor(plan, edgedf_value_shape(graph, value));
  view->alias = base;
  return measure(view) ? (uint16_t)(plan->tensors - 1) : (uint16_t)EDF_NONE;
}

edgedf_model_status edgedf_lay_out(const edgedf_graph *graph, edgedf_plan *plan) {
  uint16_t stored[EDGEDF_MODEL_MAX_NODES + 1];
  uint32_t steps = plan->steps;
  memset(stored, 0xff, sizeof stored);
  for (uint32_t i = 0; i < steps; i++) {
    stored[plan->step[i].out_value] = (uint16_t)plan->tensors;
    if (plan->tensors == EDF_MAX_TENSORS || !add_tensor(graph, plan, steps, plan->step[i].out_value))
      return EDGEDF_MODEL_TOO_LARGE;
  }
  /* Inserting copies moves later steps: go from the end of the list, then close the gap. */
  for (uint32_t i = 0; i < plan->steps; i++) {
    edgedf_step step = plan->step[i];
    if (plan->tensors + 3 > EDF_MAX_TENSORS) return EDGEDF_MODEL_TOO_LARGE;
    if (step.kind != EDF_STEP_CROP) step.input = view_of(graph, plan, stored, step.in_value);
    if (step.other != EDF_NONE) step.other = view_of(graph, plan, stored, step.other_value);
    step.output = stored[step.out_value];
    if (step.kind == EDF_STEP_CONV && !fits(&plan->tensor[step.input], &graph->nodes[step.node])) {
      uint16_t from = step.input;
      if (plan->steps == EDF_MAX_STEPS) return EDGEDF_MODEL_TOO_LARGE;
      step.input = add_copy(plan, from, &graph->nodes[step.node]);
      if (step.input == EDF_NONE) return EDGEDF_MODEL_TOO_LARGE;
      edgedf_step copy = plan->step[plan->steps];
      memmove(&plan->step[i + 1], &plan->step[i], (plan->steps - i) * sizeof step);
      plan->step[i++] = copy;
      plan->steps++;
    }
    plan->step[i] = step;
  }
  return EDGEDF_MODEL_OK;
}

/* Fusion: one step per run of operators that can share a pass over memory. */
#include <string.h>

#include "plan.h"

typedef struct fusion {
  const edgedf_graph *graph;
  edgedf_plan *plan;
  uint16_t readers[EDGEDF_MODEL_MAX_NODES + 1]; /* how many nodes read a value */
  uint16_t reader[EDGEDF_MODEL_MAX_NODES + 1];  /* one of them */
  uint8_t made[EDGEDF_MODEL_MAX_NODES + 1];     /* computed by an earlier step */
} fusion;

static int is_elementwise(uint32_t op) {
  return op == EDF_OP_AFFINE || op == EDF_OP_RELU || op == EDF_OP_LEAKY_RELU || op == EDF_OP_CLAMP ||
         op == EDF_OP_SIGMOID;
}

static int is_pool(uint32_t op) { return op == EDF_OP_MAX_POOL || op == EDF_OP_AVG_POOL; }

/* The value that holds a value's floats: a flattened one is the same memory. */
static uint32_t root_of(const edgedf_graph *graph, uint32_t value) {
  while (value != EDF_CROP_VALUE && graph->nodes[value - 1].op == EDF_OP_FLATTEN)
    value = graph->nodes[value - 1].input[0];
  return value;
}

/* The only reader of a value, or NULL when there are none or several. */
static const edgedf_node *next_of(const fusion *f, uint32_t value) {
  return f->readers[value] == 1 ? &f->graph->nodes[f->reader[value]] : NULL;
}

/* Append elementwise operators after `value` to a chain; returns the value they lead to. */
static uint32_t take_chain(fusion *f, uint32_t value, edgedf_chain *chain) {
  const edgedf_node *next = next_of(f, value);
  while (next != NULL && is_elementwise(next->op) && chain->count < EDF_CHAIN) {
    chain->nodes[chain->count++] = f->reader[value];
    value = f->reader[value] + 1u;
    next = next_of(f, value);
  }
  return value;
}

/* An addition can join if its other side is there already; then `other` becomes that value. */
static uint32_t take_add(fusion *f, uint32_t value, edgedf_step *step) {
  const edgedf_node *next = next_of(f, value);
  if (next == NULL || next->op != EDF_OP_ADD) return value;
  uint32_t other = next->input[0] == value ? next->input[1] : next->input[0];
  if (other == value || !f->made[root_of(f->graph, other)]) return value;
  step->other_value = (uint16_t)other;
  step->other = 0;
  return take_chain(f, f->reader[value] + 1u, &step->middle);
}

static uint32_t take_pool(fusion *f, uint32_t value, edgedf_step *step) {
  const edgedf_node *next = next_of(f, value);
  if (next == NULL || !is_pool(next->op)) return value;
  step->pool = f->reader[value];
  return take_chain(f, f->reader[value] + 1u, &step->after);
}

static edgedf_step *new_step(edgedf_plan *plan, uint32_t kind, uint32_t in_value) {
  edgedf_step *step = &plan->step[plan->steps++];
  memset(step, 0, sizeof *step);
  step->kind = (uint8_t)kind;
  step->node = step->pool = step->other = EDF_NONE;
  step->in_value = (uint16_t)in_value;
  return step;
}

/* Everything behind the source of a step, up to the first value that must be stored. */
static void extend(fusion *f, edgedf_step *step, uint32_t value) {
  step->sums = edgedf_value_shape(f->graph, value);
  value = take_chain(f, value, &step->before);
  value = take_add(f, value, step);
  value = take_pool(f, value, step);
  step->out_value = (uint16_t)value;
  f->made[value] = 1;
}

static void extend_crop(fusion *f) {
  edgedf_step *step = new_step(f->plan, EDF_STEP_CROP, EDF_CROP_VALUE);
  step->sums = edgedf_value_shape(f->graph, EDF_CROP_VALUE);
  step->out_value = (uint16_t)take_chain(f, EDF_CROP_VALUE, &step->before);
  f->made[step->out_value] = 1;
}

/* A node that no earlier step absorbed starts its own. */
static void start_step(fusion *f, uint32_t index) {
  const edgedf_node *node = &f->graph->nodes[index];
  uint32_t value = index + 1;
  if (node->op == EDF_OP_CONV || node->op == EDF_OP_LINEAR) {
    edgedf_step *step = new_step(f->plan, node->op == EDF_OP_CONV ? EDF_STEP_CONV : EDF_STEP_LINEAR, node->input[0]);
    step->node = (uint16_t)index;
    extend(f, step, value);
    return;
  }
  edgedf_step *step = new_step(f->plan, EDF_STEP_COPY, node->input[0]);
  step->sums = edgedf_value_shape(f->graph, node->input[0]);
  if (is_elementwise(node->op)) {
    step->before.nodes[step->before.count++] = (uint16_t)index;
    extend(f, step, value);
    step->sums = edgedf_value_shape(f->graph, node->input[0]);
  } else if (node->op == EDF_OP_ADD) {
    step->other_value = node->input[1];
    step->other = 0;
    value = take_chain(f, value, &step->middle);
    value = take_pool(f, value, step);
    step->out_value = (uint16_t)value;
    f->made[value] = 1;
  } else {
    step->pool = (uint16_t)index;
    step->out_value = (uint16_t)take_chain(f, value, &step->after);
    f->made[step->out_value] = 1;
  }
}

/* Whether a value is inside an earlier step (absorbed) or its result. */
static void mark_absorbed(const edgedf_step *step, uint8_t *done) {
  const edgedf_chain *chains[3] = {&step->before, &step->middle, &step->after};
  if (step->node != EDF_NONE) done[step->node] = 1;
  if (step->pool != EDF_NONE) done[step->pool] = 1;
  for (size_t c = 0; c < 3; c++)
    for (size_t i = 0; i < chains[c]->count; i++) done[chains[c]->nodes[i]] = 1;
}

/* The addition of a step is the one node that its fields do not name. */
static void mark_add(const edgedf_graph *graph, const edgedf_step *step, uint8_t *done) {
  if (step->other == EDF_NONE) return;
  uint32_t value = step->out_value;
  while (value != EDF_CROP_VALUE && done[value - 1] && graph->nodes[value - 1].op != EDF_OP_ADD)
    value = graph->nodes[value - 1].input[0];
  if (value != EDF_CROP_VALUE) done[value - 1] = 1;
}

edgedf_model_status edgedf_fuse(const edgedf_graph *graph, edgedf_plan *plan) {
  fusion f;
  uint8_t done[EDGEDF_MODEL_MAX_NODES] = {0};
  memset(&f, 0, sizeof f);
  f.graph = graph;
  f.plan = plan;
  for (uint32_t i = 0; i < graph->count; i++)
    for (uint32_t k = 0; k < graph->nodes[i].inputs; k++) {
      f.readers[graph->nodes[i].input[k]]++;
      f.reader[graph->nodes[i].input[k]] = (uint16_t)i;
    }
  /* The result is read by the caller. */
  f.readers[graph->count] += 2;
  extend_crop(&f);
  mark_absorbed(&plan->step[0], done);
  for (uint32_t i = 0; i < graph->count; i++) {
    if (done[i] || graph->nodes[i].op == EDF_OP_FLATTEN) continue;
    if (plan->steps == EDF_MAX_STEPS) return EDGEDF_MODEL_TOO_LARGE;
    start_step(&f, i);
    mark_absorbed(&plan->step[plan->steps - 1], done);
    mark_add(graph, &plan->step[plan->steps - 1], done);
  }
  return EDGEDF_MODEL_OK;
}

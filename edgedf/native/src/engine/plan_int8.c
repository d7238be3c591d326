/* Which convolutions are computed in 8-bit integers, and the steps that make bytes of what they read. */
#include <string.h>

#include "plan.h"

/* Measured on AVX-512 VNNI, see docs/native.md. Only the file decides, not the processor: what a gate found out about
 * an int8 file on one machine then holds on every other one. */
#define INT8_ABOVE 0.25f     /* share of weights left, below which skipping zeros is faster */
#define FEW_WEIGHTS 64u      /* per sum: making bytes of inputs and floats of sums then takes as long as all products, */
#define FEW_INT8_ABOVE 0.5f  /* and as much again must be saved */
#define LEAST_MULTIPLIES 16u /* per number read, for the same reason */

static int pays(const edgedf_node *node, const edgedf_tensor *in) {
  uint64_t weights = edgedf_weight_count(node), each = weights / node->out_channels;
  uint64_t numbers = (uint64_t)node->in_channels * in->shape.h * in->shape.w;
  if (node->weight_form != EDF_FORM_INT8 || node->groups != 1 || each > EDF_INT8_MOST_WEIGHTS) return 0;
  if (weights * node->shape.h * node->shape.w < LEAST_MULTIPLIES * numbers) return 0;
  return (float)node->nonzero > (each < FEW_WEIGHTS ? FEW_INT8_ABOVE : INT8_ABOVE) * (float)weights;
}

/* Whether one more step and tensor find room. A convolution that does not stays in float32: which ones follows from
 * the order in the file. */
static int has_room(const edgedf_plan *plan) { return plan->tensors < EDF_MAX_TENSORS && plan->steps < EDF_MAX_STEPS; }

/* A tensor of words with the layout of `from`, not yet counted; 0 if it would be too large. */
static int make_words(edgedf_plan *plan, uint16_t from) {
  edgedf_tensor *t = &plan->tensor[plan->tensors];
  *t = plan->tensor[from];
  t->alias = EDF_NONE;
  t->quantised = 1;
  t->floats = t->channel * edgedf_word_planes(t->shape.c) + EDF_OVERRUN + EDF_LEVELS_FLOATS;
  return t->floats <= EDGEDF_MODEL_MAX_FLOATS;
}

static void make_quantise(const edgedf_plan *plan, uint16_t from, edgedf_step *step) {
  memset(step, 0, sizeof *step);
  step->kind = EDF_STEP_QUANTISE;
  step->node = step->pool = step->other = EDF_NONE;
  step->sums = plan->tensor[from].shape;
  step->input = from;
  step->output = (uint16_t)plan->tensors;
}

/* The words that an earlier step made of a tensor, or EDF_NONE. */
static uint16_t words_of(const edgedf_plan *plan, uint32_t steps, uint16_t from) {
  for (uint32_t i = 0; i < steps; i++)
    if (plan->step[i].kind == EDF_STEP_QUANTISE && plan->step[i].input == from) return plan->step[i].output;
  return EDF_NONE;
}

void edgedf_plan_int8(const edgedf_graph *graph, edgedf_plan *plan) {
  for (uint32_t i = 0; plan->int8 != NULL && i < plan->steps; i++) {
    edgedf_step *step = &plan->step[i];
    if (step->kind != EDF_STEP_CONV || !pays(&graph->nodes[step->node], &plan->tensor[step->input])) continue;
    uint16_t from = step->input, words = words_of(plan, i, from);
    if (words == EDF_NONE && (!has_room(plan) || !make_words(plan, from))) continue;
    step->int8 = 1;
    step->input = words != EDF_NONE ? words : (uint16_t)plan->tensors;
    if (words != EDF_NONE) continue;
    memmove(step + 1, step, (plan->steps - i) * sizeof *step);
    make_quantise(plan, from, step);
    plan->tensors++;
    plan->steps++;
    i++;
  }
}

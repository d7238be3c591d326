/* How many bytes the tables of a model take, and how much work one run is. */
#include "plan.h"

/* Adds a table of `count` entries to the model's memory; returns where it begins. */
static size_t add_table(edf_plan *plan, edf_step *step, uint64_t count, size_t entry) {
  size_t at = (plan->model_bytes + 63) / 64 * 64;
  plan->model_bytes = at + (size_t)count * entry;
  if (step) step->table_bytes += (size_t)count * entry;
  return at;
}

static void size_conv(const edf_node *node, const edf_kernels *kernels, edf_plan *plan, edf_step *step) {
  uint32_t channels = (node->out_channels + kernels->block - 1) / kernels->block * kernels->block;
  uint64_t taps = edf_weight_count(node) / node->out_channels;
  if (step->dense) {
    step->offsets = add_table(plan, step, taps, sizeof(int32_t));
    step->weights = add_table(plan, step, channels * taps, sizeof(float));
  } else {
    step->starts = add_table(plan, step, (uint64_t)node->out_channels + 1, sizeof(uint32_t));
    step->taps = add_table(plan, step, node->nonzero, sizeof(edf_tap));
  }
  step->bias = add_table(plan, step, channels, sizeof(float));
  step->epilogues = add_table(plan, step, channels, sizeof(edf_epilogue));
}

static void size_linear(const edf_node *node, edf_plan *plan, edf_step *step) {
  if (step->dense) {
    step->weights = add_table(plan, step, edf_weight_count(node), sizeof(float));
  } else {
    step->starts = add_table(plan, step, (uint64_t)node->out_channels + 1, sizeof(uint32_t));
    step->taps = add_table(plan, step, node->nonzero, sizeof(edf_tap));
  }
  step->bias = add_table(plan, step, node->out_channels, sizeof(float));
}

edgedf_model_status edf_size_tables(const edf_graph *graph, const edf_kernels *kernels, size_t fixed_bytes,
                                    edf_plan *plan) {
  plan->model_bytes = fixed_bytes;
  for (uint32_t i = 0; i < plan->steps; i++) {
    edf_step *step = &plan->step[i];
    if (step->kind == EDF_STEP_CONV) size_conv(&graph->nodes[step->node], kernels, plan, step);
    if (step->kind == EDF_STEP_LINEAR) size_linear(&graph->nodes[step->node], plan, step);
  }
  for (uint32_t i = 0; i < graph->count; i++)
    if (graph->nodes[i].op == EDF_OP_AFFINE)
      plan->affine[i] = add_table(plan, NULL, 2 * (uint64_t)graph->nodes[i].shape.c, sizeof(float));
  return plan->model_bytes > (size_t)EDGEDF_MODEL_MAX_FLOATS * 4 ? EDGEDF_MODEL_TOO_LARGE : EDGEDF_MODEL_OK;
}

/* Work of elementwise operators on `values` numbers. */
static double chain_work(const edf_graph *graph, const edf_chain *chain, double values) {
  double work = 0;
  for (uint32_t i = 0; i < chain->count; i++)
    work += values * (graph->nodes[chain->nodes[i]].op == EDF_OP_SIGMOID ? 64 : 8);
  return work;
}

/* Doubles: products of all limits do not fit 64 bits, and below 2^53 nothing is rounded. */
static double step_work(const edf_graph *graph, const edf_plan *plan, const edf_step *step) {
  const edf_tensor *out = &plan->tensor[step->output];
  const edf_node *node = step->node == EDF_NONE ? NULL : &graph->nodes[step->node];
  double strips = (out->shape.h + step->strip - 1) / step->strip;
  /* Rows that several windows need are made once per strip. */
  double rows = step->kind == EDF_STEP_CROP ? step->sums.h : strips * step->strip_rows;
  double sums = rows * step->sums.w * step->sums.c, stored = (double)out->floats, work = sums + stored;
  if (step->kind == EDF_STEP_CONV)
    work += rows * plan->tensor[step->input].row *
                (step->dense ? (double)edf_weight_count(node) * 2 : (double)node->nonzero) +
            strips * (double)step->window_floats;
  if (step->kind == EDF_STEP_LINEAR) work += step->dense ? (double)edf_weight_count(node) : 8.0 * node->nonzero;
  work += chain_work(graph, &step->before, sums) + chain_work(graph, &step->middle, sums);
  work += step->other == EDF_NONE ? 0 : sums;
  if (step->pool == EDF_NONE) return work;
  const edf_node *pool = &graph->nodes[step->pool];
  double made = (double)out->shape.c * out->shape.h * out->shape.w, area = (double)pool->kernel_h * pool->kernel_w;
  double wide = (double)out->shape.c * out->shape.h * (step->sums.w + 2.0 * pool->pad_w);
  work += pool->op == EDF_OP_AVG_POOL ? 8 * made * area : wide * (pool->kernel_h + pool->kernel_w) + 8 * made;
  return work + chain_work(graph, &step->after, made);
}

edgedf_model_status edf_count_work(const edf_graph *graph, edf_plan *plan) {
  double work = 0;
  for (uint32_t i = 0; i < plan->steps; i++) work += step_work(graph, plan, &plan->step[i]);
  if (work > (double)EDGEDF_MODEL_MAX_WORK) return EDGEDF_MODEL_TOO_LARGE;
  plan->work = (uint64_t)work;
  return EDGEDF_MODEL_OK;
}

/* How many bytes the tables of a model take, and how much work one run is. */
#include "plan.h"

/* Adds a table of `count` entries to the model's memory; returns where it begins. */
static size_t add_table(edgedf_plan *plan, edgedf_step *step, uint64_t count, size_t entry) {
  size_t at = (plan->model_bytes + 63) / 64 * 64;
  plan->model_bytes = at + (size_t)count * entry;
  if (step) step->table_bytes += (size_t)count * entry;
  return at;
}

/* Offsets and words of weights, by groups of four input channels. */
static void size_int8(const edgedf_node *node, uint32_t channels, edgedf_plan *plan, edgedf_step *step) {
  uint64_t groups = (uint64_t)edgedf_word_planes(node->in_channels) * node->kernel_h * node->kernel_w;
  step->offsets = add_table(plan, step, groups, sizeof(int32_t));
  step->weights = add_table(plan, step, channels * groups * plan->int8->words, sizeof(uint32_t));
  step->totals = add_table(plan, step, channels, sizeof(int32_t));
  step->scales = add_table(plan, step, channels, sizeof(float));
}

static void size_conv(const edgedf_node *node, const edgedf_kernels *kernels, edgedf_plan *plan, edgedf_step *step) {
  uint32_t block = edgedf_block_of(kernels, plan, step), channels = (node->out_channels + block - 1) / block * block;
  uint64_t taps = edgedf_weight_count(node) / node->out_channels;
  if (step->int8) {
    size_int8(node, channels, plan, step);
  } else if (step->dense) {
    step->offsets = add_table(plan, step, taps, sizeof(int32_t));
    step->weights = add_table(plan, step, channels * taps, sizeof(float));
  } else {
    step->starts = add_table(plan, step, (uint64_t)node->out_channels + 1, sizeof(uint32_t));
    step->taps = add_table(plan, step, node->nonzero, sizeof(edgedf_tap));
  }
  step->bias = add_table(plan, step, channels, sizeof(float));
  step->epilogues = add_table(plan, step, channels, sizeof(edgedf_epilogue));
}

static void size_linear(const edgedf_node *node, edgedf_plan *plan, edgedf_step *step) {
  if (step->dense) {
    step->weights = add_table(plan, step, edgedf_weight_count(node), sizeof(float));
  } else {
    step->starts = add_table(plan, step, (uint64_t)node->out_channels + 1, sizeof(uint32_t));
    step->taps = add_table(plan, step, node->nonzero, sizeof(edgedf_tap));
  }
  step->bias = add_table(plan, step, node->out_channels, sizeof(float));
}

edgedf_model_status edgedf_size_tables(const edgedf_graph *graph, const edgedf_kernels *kernels, size_t fixed_bytes,
                                    edgedf_plan *plan) {
  plan->model_bytes = fixed_bytes;
  for (uint32_t i = 0; i < plan->steps; i++) {
    edgedf_step *step = &plan->step[i];
    if (step->kind == EDF_STEP_CONV) size_conv(&graph->nodes[step->node], kernels, plan, step);
    if (step->kind == EDF_STEP_LINEAR) size_linear(&graph->nodes[step->node], plan, step);
  }
  for (uint32_t i = 0; i < graph->count; i++)
    if (graph->nodes[i].op == EDF_OP_AFFINE)
      plan->affine[i] = add_table(plan, NULL, 2 * (uint64_t)graph->nodes[i].shape.c, sizeof(float));
  return plan->model_bytes > (size_t)EDGEDF_MODEL_MAX_FLOATS * 4 ? EDGEDF_MODEL_TOO_LARGE : EDGEDF_MODEL_OK;
}

/* Work of elementwise operators on `values` numbers. */
static double chain_work(const edgedf_graph *graph, const edgedf_chain *chain, double values) {
  double work = 0;
  for (uint32_t i = 0; i < chain->count; i++)
    work += values * (graph->nodes[chain->nodes[i]].op == EDF_OP_SIGMOID ? 64 : 8);
  return work;
}

/* Floats written to a tensor; a windowed one is moved along too, once per row at most. */
static double stored_floats(const edgedf_tensor *t) {
  double plane = ((double)t->shape.h + 2.0 * t->pad_h) * t->row;
  return t->windowed ? plane * t->shape.c * t->stride_w * (1.0 + t->rows) : (double)t->floats;
}

/* Multiply-adds per sum of a convolution, by the kernels that do the most, whichever run here: a file that one processor
 * opens should not be too large for another. Integers fill up blocks of output channels and groups of four input channels;
 * floats fill up blocks too, but only where that at most doubles the weights (choose.c), and no kernels go dense below half
 * of the weights. */
static double conv_work(const edgedf_step *step, const edgedf_node *node) {
  double weights = (double)edgedf_weight_count(node);
  if (!step->int8) return node->groups == 1 && 2.0 * node->nonzero > weights ? 2 * weights : node->nonzero;
  const uint32_t block = EDF_MAX_BLOCK, blocks = (node->out_channels + block - 1) / block;
  return (double)blocks * block * edgedf_word_planes(node->in_channels) * 4 * node->kernel_h * node->kernel_w;
}

/* Doubles: products of all limits do not fit 64 bits, and below 2^53 nothing is rounded. */
static double step_work(const edgedf_graph *graph, const edgedf_plan *plan, const edgedf_step *step) {
  const edgedf_tensor *out = &plan->tensor[step->output];
  const edgedf_node *node = step->node == EDF_NONE ? NULL : &graph->nodes[step->node];
  double strips = (out->shape.h + step->strip - 1) / step->strip;
  /* Rows that several windows need are made once per strip. */
  double rows = step->kind == EDF_STEP_CROP ? step->sums.h : strips * step->strip_rows;
  double sums = rows * step->sums.w * step->sums.c, work = sums + stored_floats(out);
  if (step->kind == EDF_STEP_CONV)
    work += rows * plan->tensor[step->input].row * conv_work(step, node);
  if (step->kind == EDF_STEP_LINEAR) work += step->dense ? (double)edgedf_weight_count(node) : 8.0 * node->nonzero;
  /* Quantising reads its tensor twice, the second time in groups of four channels. */
  if (step->kind == EDF_STEP_QUANTISE)
    work += stored_floats(&plan->tensor[step->input]) + 4.0 * edgedf_word_planes(step->sums.c) * out->channel;
  work += chain_work(graph, &step->before, sums) + chain_work(graph, &step->middle, sums);
  work += step->other == EDF_NONE ? 0 : sums;
  if (step->pool == EDF_NONE) return work;
  const edgedf_node *pool = &graph->nodes[step->pool];
  double made = (double)out->shape.c * out->shape.h * out->shape.w, area = (double)pool->kernel_h * pool->kernel_w;
  double wide = (double)out->shape.c * out->shape.h * (step->sums.w + 2.0 * pool->pad_w);
  work += pool->op == EDF_OP_AVG_POOL ? 8 * made * area : wide * (pool->kernel_h + pool->kernel_w) + 8 * made;
  return work + chain_work(graph, &step->after, made);
}

edgedf_model_status edgedf_count_work(const edgedf_graph *graph, edgedf_plan *plan) {
  double work = 0;
  for (uint32_t i = 0; i < plan->steps; i++) work += step_work(graph, plan, &plan->step[i]);
  if (work > (double)EDGEDF_MODEL_MAX_WORK) return EDGEDF_MODEL_TOO_LARGE;
  plan->work = (uint64_t)work;
  return EDGEDF_MODEL_OK;
}

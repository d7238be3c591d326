/* Which kernel computes each step. */
#include <string.h>

#include "plan.h"

#define LINEAR_DENSE_ABOVE 0.12f    /* a gathered multiply costs about eight streamed ones */

static void choose_conv(const edgedf_node *node, const edgedf_kernels *kernels, edgedf_step *step) {
  uint64_t weights = edgedf_weight_count(node), positions = (uint64_t)step->sums.h * step->sums.w;
  step->dense = step->int8;
  step->multiplies = weights * positions;
  if (step->int8) return;
  uint32_t blocks = (node->out_channels + kernels->block - 1) / kernels->block;
  uint64_t done_dense = (uint64_t)blocks * kernels->block * (weights / node->out_channels);
  step->dense = node->groups == 1 && (float)node->nonzero > kernels->dense_above * (float)done_dense;
  step->multiplies = (step->dense ? weights : node->nonzero) * positions;
}

static void choose_linear(const edgedf_node *node, edgedf_step *step) {
  uint64_t weights = edgedf_weight_count(node);
  step->dense = (float)node->nonzero > LINEAR_DENSE_ABOVE * (float)weights;
  step->multiplies = step->dense ? weights : node->nonzero;
}

/* How far [clamp] [affine] [clamp], what an epilogue can do, has come. */
static int epilogue_takes(uint32_t op, uint32_t *stage) {
  if (op == EDF_OP_AFFINE && *stage < 2)
    *stage = 2;
  else if ((op == EDF_OP_RELU || op == EDF_OP_CLAMP) && *stage != 1 && *stage < 3)
    *stage = *stage == 0 ? 1 : 3;
  else
    return 0;
  return 1;
}

/* Operators of the chain that fit the kernel's epilogue. */
static void absorb(const edgedf_graph *graph, edgedf_step *step) {
  uint32_t stage = 0;
  while (step->absorbed < step->before.count &&
         epilogue_takes(graph->nodes[step->before.nodes[step->absorbed]].op, &stage))
    step->absorbed++;
}

/* Whether both chains fit the epilogue, and those before the pool may as well come after it: clamps may. */
static int chains_fit(const edgedf_graph *graph, const edgedf_step *step) {
  uint32_t stage = 0;
  for (uint32_t i = 0; i < step->before.count; i++) {
    uint32_t op = graph->nodes[step->before.nodes[i]].op;
    if (op == EDF_OP_AFFINE || !epilogue_takes(op, &stage)) return 0;
  }
  for (uint32_t i = 0; i < step->after.count; i++)
    if (!epilogue_takes(graph->nodes[step->after.nodes[i]].op, &stage)) return 0;
  return 1;
}

/* Pooling in registers goes row by row: narrow rows would leave too many lanes empty. */
static int rows_fill_lanes(const edgedf_kernels *kernels, const edgedf_tensor *in, const edgedf_node *pool,
                           const edgedf_step *step) {
  uint64_t rows = (uint64_t)pool->shape.h * pool->kernel_h, width = (uint64_t)pool->shape.w * pool->kernel_w;
  uint64_t by_row = rows * ((width + kernels->lanes - 1) / kernels->lanes);
  uint64_t flat = ((uint64_t)step->sums.h * in->row + kernels->lanes - 1) / kernels->lanes;
  return 4 * by_row <= 5 * flat;
}

static int choose_pooled(const edgedf_graph *graph, const edgedf_kernels *kernels, const edgedf_plan *plan,
                         const edgedf_step *step) {
  if (step->dense || step->pool == EDF_NONE || step->other != EDF_NONE) return 0;
  const edgedf_node *pool = &graph->nodes[step->pool];
  uint32_t side = pool->kernel_h;
  if (pool->op != EDF_OP_MAX_POOL || (side != 2 && side != 4) || pool->pad_h || pool->pad_w) return 0;
  if (pool->kernel_w != side || pool->stride_h != side || pool->stride_w != side) return 0;
  return !plan->tensor[step->output].split && chains_fit(graph, step) &&
         rows_fill_lanes(kernels, &plan->tensor[step->input], pool, step);
}

/* Rows of input, output and what is added lie equally far apart: a flat row of sums is then rows of the output, and
 * what is added can be what the sums start from. */
static int choose_direct(const edgedf_graph *graph, const edgedf_plan *plan, const edgedf_step *step) {
  const edgedf_tensor *out = &plan->tensor[step->output];
  uint32_t row = plan->tensor[step->input].row, stage = 0;
  if (step->dense || step->pool != EDF_NONE || out->split || out->row != row) return 0;
  if (step->other == EDF_NONE) return step->absorbed == step->before.count;
  const edgedf_tensor *other = &plan->tensor[step->other];
  if (step->before.count > 0 || other->split || other->row != row) return 0;
  for (uint32_t i = 0; i < step->middle.count; i++)
    if (!epilogue_takes(graph->nodes[step->middle.nodes[i]].op, &stage)) return 0;
  return 1;
}

void edgedf_choose_kernels(const edgedf_graph *graph, const edgedf_kernels *kernels, edgedf_plan *plan) {
  for (uint32_t i = 0; i < plan->steps; i++) {
    edgedf_step *step = &plan->step[i];
    if (step->kind == EDF_STEP_CONV) {
      choose_conv(&graph->nodes[step->node], kernels, step);
      absorb(graph, step);
      step->pooled = (uint8_t)choose_pooled(graph, kernels, plan, step);
      step->direct = (uint8_t)choose_direct(graph, plan, step);
    } else if (step->kind == EDF_STEP_LINEAR) {
      choose_linear(&graph->nodes[step->node], step);
    }
  }
}

edgedf_model_status edgedf_make_plan(const edgedf_graph *graph, const edgedf_variant *variant, size_t fixed_bytes,
                                  edgedf_plan *plan) {
  const edgedf_kernels *kernels = variant->kernels;
  memset(plan, 0, sizeof *plan);
  plan->int8 = variant->int8;
  edgedf_model_status status = edgedf_fuse(graph, plan);
  if (status == EDGEDF_MODEL_OK) status = edgedf_lay_out(graph, plan);
  if (status != EDGEDF_MODEL_OK) return status;
  edgedf_plan_int8(graph, plan);
  edgedf_choose_kernels(graph, kernels, plan);
  status = edgedf_choose_strips(graph, kernels, plan);
  if (status == EDGEDF_MODEL_OK) status = edgedf_place(plan);
  if (status == EDGEDF_MODEL_OK) status = edgedf_count_work(graph, plan);
  if (status == EDGEDF_MODEL_OK) status = edgedf_size_tables(graph, kernels, fixed_bytes, plan);
  return status;
}

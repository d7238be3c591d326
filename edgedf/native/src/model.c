/* The public face of the engine: measure, open, run. */
#include "edgedf/model.h"

#include <string.h>

#include "engine/bytes.h"
#include "engine/model_internal.h"

#define ALIGNMENT 64u

const char *edgedf_model_status_text(edgedf_model_status status) {
  switch (status) {
    case EDGEDF_MODEL_OK: return "no error";
    case EDGEDF_MODEL_BAD_ARGUMENT: return "an argument is null or out of range";
    case EDGEDF_MODEL_NOT_A_MODEL: return "not an edgedf model file";
    case EDGEDF_MODEL_BAD_VERSION: return "a format version that this engine does not read";
    case EDGEDF_MODEL_BAD_SIZE: return "truncated, or its sections do not add up";
    case EDGEDF_MODEL_BAD_CHECKSUM: return "damaged: the checksum differs";
    case EDGEDF_MODEL_BAD_GRAPH: return "holds a node, shape or number that makes no sense";
    case EDGEDF_MODEL_BAD_WEIGHTS: return "its weights do not decode to what its graph declares";
    case EDGEDF_MODEL_TOO_LARGE: return "larger than this engine's limits";
    case EDGEDF_MODEL_NO_MEMORY: return "the given memory is too small";
    case EDGEDF_MODEL_NOT_FINITE: return "its weights are so large that the logit is not a finite number";
  }
  return "unknown status";
}

const char *edgedf_model_variant(const char *variant) {
  edgedf_variant found;
  return edgedf_find_variant(variant, &found) ? found.name : NULL;
}

static uint64_t floats_of(edgedf_shape shape) { return (uint64_t)shape.c * shape.h * shape.w; }

/* Sums over the graph that do not depend on how it is computed. */
static void count_graph(const edgedf_graph *graph, edgedf_model_needs *needs) {
  for (uint32_t i = 0; i < graph->count; i++) {
    const edgedf_node *node = &graph->nodes[i];
    int weighted = node->op == EDF_OP_CONV || node->op == EDF_OP_LINEAR;
    uint64_t pair = 4 * (floats_of(edgedf_value_shape(graph, node->input[0])) + floats_of(node->shape));
    if ((weighted || node->op == EDF_OP_MAX_POOL) && pair > needs->largest_pair_bytes)
      needs->largest_pair_bytes = (size_t)pair;
    if (!weighted) continue;
    needs->weights += edgedf_weight_count(node);
    needs->nonzero += node->nonzero;
    needs->dense_multiplies += edgedf_weight_count(node) * node->shape.h * node->shape.w;
  }
}

static void fill_needs(const edgedf_graph *graph, const edgedf_plan *plan, edgedf_model_needs *needs) {
  memset(needs, 0, sizeof *needs);
  needs->contract = graph->contract;
  needs->model_bytes = plan->model_bytes + ALIGNMENT;
  needs->activation_bytes = plan->arena_floats * sizeof(float);
  needs->bytes_per_thread = plan->scratch_floats * sizeof(float);
  needs->workspace_bytes = needs->activation_bytes + needs->bytes_per_thread + 2 * ALIGNMENT;
  needs->work = plan->work;
  needs->steps = plan->steps;
  for (uint32_t i = 0; i < plan->steps; i++) needs->multiplies += plan->step[i].multiplies;
  count_graph(graph, needs);
}

static void *aligned(void *memory) {
  return (void *)(((uintptr_t)memory + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

edgedf_model_status edgedf_model_measure(const uint8_t *file, size_t file_bytes, const char *variant,
                                         edgedf_model_needs *needs) {
  edgedf_graph graph;
  edgedf_plan plan;
  edgedf_variant found;
  if (file == NULL || needs == NULL || !edgedf_find_variant(variant, &found)) return EDGEDF_MODEL_BAD_ARGUMENT;
  edgedf_model_status status = edgedf_parse_graph(file, file_bytes, &graph);
  if (status == EDGEDF_MODEL_OK) status = edgedf_make_plan(&graph, &found, sizeof(edgedf_model), &plan);
  if (status == EDGEDF_MODEL_OK) fill_needs(&graph, &plan, needs);
  return status;
}

/* Names of the layers, out of the file, which need not outlive this call. */
static void copy_names(const uint8_t *file, edgedf_model *model) {
  for (uint32_t i = 0; i < model->plan.steps; i++) {
    const edgedf_step *step = &model->plan.step[i];
    memset(model->layer[i], 0, sizeof model->layer[i]);
    if (step->node == EDF_NONE) continue;
    const edgedf_node *node = &model->graph.nodes[step->node];
    memcpy(model->layer[i], file + node->name_at, node->name_bytes);
  }
}

edgedf_model_status edgedf_model_open(const uint8_t *file, size_t file_bytes, const char *variant, void *memory,
                                      size_t memory_bytes, edgedf_model **model) {
  edgedf_variant found;
  if (model != NULL) *model = NULL;
  if (file == NULL || memory == NULL || model == NULL) return EDGEDF_MODEL_BAD_ARGUMENT;
  if (!edgedf_find_variant(variant, &found)) return EDGEDF_MODEL_BAD_ARGUMENT;
  if (memory_bytes < sizeof(edgedf_model) + ALIGNMENT) return EDGEDF_MODEL_NO_MEMORY;
  edgedf_model *made = aligned(memory);
  edgedf_model_status status = edgedf_parse_graph(file, file_bytes, &made->graph);
  if (status == EDGEDF_MODEL_OK) status = edgedf_make_plan(&made->graph, &found, sizeof(edgedf_model), &made->plan);
  if (status != EDGEDF_MODEL_OK) return status;
  if (memory_bytes < made->plan.model_bytes + ALIGNMENT) return EDGEDF_MODEL_NO_MEMORY;
  made->kernels = found.kernels;
  fill_needs(&made->graph, &made->plan, &made->needs);
  copy_names(file, made);
  /* Missing biases, weights between the nonzero ones and padded channels are zeros. */
  memset((uint8_t *)made + sizeof(edgedf_model), 0, made->plan.model_bytes - sizeof(edgedf_model));
  status = edgedf_decode_tables(file, made);
  if (status == EDGEDF_MODEL_OK) status = edgedf_bound_activations(made);
  if (status == EDGEDF_MODEL_OK) *model = made;
  return status;
}

size_t edgedf_model_workspace(const edgedf_model_needs *needs, uint32_t threads) {
  if (needs == NULL || threads < 1 || threads > EDGEDF_MODEL_MAX_THREADS) return 0;
  const size_t further = threads - 1, room = SIZE_MAX - needs->workspace_bytes;
  if (further > 0 && needs->bytes_per_thread > room / further) return 0;
  return needs->workspace_bytes + further * needs->bytes_per_thread;
}

static void run_task(void *argument, uint32_t index) { edgedf_run_step(argument, index); }

edgedf_model_status edgedf_model_run(const edgedf_model *model, const uint8_t *crop, size_t row_bytes,
                                     void *workspace, size_t workspace_bytes, uint32_t threads,
                                     const edgedf_executor *executor, float *logit) {
  if (model == NULL || crop == NULL || workspace == NULL || logit == NULL) return EDGEDF_MODEL_BAD_ARGUMENT;
  if (threads < 1 || threads > EDGEDF_MODEL_MAX_THREADS) return EDGEDF_MODEL_BAD_ARGUMENT;
  if (threads > 1 && (executor == NULL || executor->parallel == NULL)) return EDGEDF_MODEL_BAD_ARGUMENT;
  size_t shortest = (size_t)model->graph.contract.size * 3;
  if (row_bytes != 0 && row_bytes < shortest) return EDGEDF_MODEL_BAD_ARGUMENT;
  size_t least = edgedf_model_workspace(&model->needs, threads);
  if (least == 0 || workspace_bytes < least) return EDGEDF_MODEL_NO_MEMORY;
  float *arena = aligned(workspace);
  edgedf_run run = {model, NULL, crop, row_bytes ? row_bytes : shortest, arena, NULL, threads};
  run.scratch = aligned(arena + model->plan.arena_floats);
  for (uint32_t i = 0; i < model->plan.steps; i++) {
    run.step = &model->plan.step[i];
    if (!edgedf_may_run_step(&run)) return EDGEDF_MODEL_NOT_FINITE;
    if (threads == 1 || run.step->kind == EDF_STEP_CROP)
      edgedf_run_step(&run, 0);
    else
      executor->parallel(executor->context, run_task, &run, threads);
  }
  const edgedf_tensor *result = &model->plan.tensor[model->plan.step[model->plan.steps - 1].output];
  *logit = *edgedf_row(result, arena, 0, 0);
  return edgedf_is_finite(*logit) ? EDGEDF_MODEL_OK : EDGEDF_MODEL_NOT_FINITE;
}

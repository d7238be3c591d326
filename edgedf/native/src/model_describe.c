/* What a model is and does, for a person. */
#include <string.h>

#include "edgedf/model.h"
#include "engine/model_internal.h"

static const char *const operator_names[] = {"?",        "conv",    "affine", "relu",    "leaky relu", "clamp",
                                             "max pool", "avg pool", "add",    "flatten", "linear",     "sigmoid"};

edgedf_model_status edgedf_model_get(const edgedf_model *model, edgedf_model_needs *needs) {
  if (model == NULL || needs == NULL) return EDGEDF_MODEL_BAD_ARGUMENT;
  *needs = model->needs;
  return EDGEDF_MODEL_OK;
}

/* Append "+text", as far as it fits. */
static void append(char *to, size_t capacity, const char *text) {
  size_t used = strlen(to), wanted = strlen(text) + (used > 0);
  if (used + wanted + 1 > capacity) return;
  if (used > 0) to[used++] = '+';
  memcpy(to + used, text, strlen(text) + 1);
}

static void append_chain(const edgedf_graph *graph, const edgedf_chain *chain, edgedf_model_step *step) {
  for (uint32_t i = 0; i < chain->count; i++)
    append(step->fused, sizeof step->fused, operator_names[graph->nodes[chain->nodes[i]].op]);
}

static const char *why_copied(const edgedf_graph *graph, const edgedf_step *step) {
  uint32_t readers = 0;
  for (uint32_t i = 0; i < graph->count; i++)
    for (uint32_t k = 0; k < graph->nodes[i].inputs; k++) readers += graph->nodes[i].input[k] == step->in_value;
  int starts_with_add = step->before.count == 0 && step->other != EDF_NONE;
  if (step->before.count == 0 && step->pool == EDF_NONE && !starts_with_add)
    return "its convolution needs other padding or strides than those its input is stored with";
  if (starts_with_add)
    return "neither step that made its inputs could take it in: several layers read them, or it had ended";
  if (readers > 1) return "several layers read its input, so it cannot join the step before";
  return "the step before has ended: at a pool, a flatten, the crop or four operators in a row";
}

static void describe_kernel(const edgedf_model *model, const edgedf_step *from, edgedf_model_step *to) {
  const edgedf_node *node = from->node == EDF_NONE ? NULL : &model->graph.nodes[from->node];
  if (from->kind == EDF_STEP_CROP) {
    to->kernel = "crop";
    to->reason = "pixels become planes of floats in one pass";
  } else if (from->kind == EDF_STEP_QUANTISE) {
    to->kernel = "quantise";
    to->reason = "the next layer multiplies bytes: these stand for the range of its input";
  } else if (from->kind == EDF_STEP_COPY) {
    to->kernel = "copy";
    to->reason = why_copied(&model->graph, from);
  } else if (from->kind == EDF_STEP_LINEAR) {
    to->kernel = from->dense ? "linear dense" : "linear sparse";
    to->reason = from->dense ? "more than 12% of the weights are left: streaming all of them is faster than gathering"
                             : "at most 12% of the weights are left: gathering those is faster than streaming all";
  } else if (from->int8) {
    to->kernel = model->plan.int8->kernel;
    to->reason = "more than 25% of the weights left (50% of fewer than 64 per sum): integers, on every processor alike";
  } else if (from->dense) {
    to->kernel = "dense";
    to->reason = "more weights left than the limit above which blocks of channels in registers are faster";
  } else {
    to->kernel = "sparse";
    to->reason = node->groups > 1 ? "grouped: channels share no inputs, so each has its own list of weights"
                                  : "few enough weights left that skipping zeros beats the dense kernel";
  }
}

static void put_shape(edgedf_shape shape, uint32_t *chw) {
  chw[0] = shape.c;
  chw[1] = shape.h;
  chw[2] = shape.w;
}

static size_t bytes_of(edgedf_shape shape) { return (size_t)shape.c * shape.h * shape.w * sizeof(float); }

edgedf_model_status edgedf_model_get_step(const edgedf_model *model, uint32_t index, edgedf_model_step *step) {
  if (model == NULL || step == NULL || index >= model->plan.steps) return EDGEDF_MODEL_BAD_ARGUMENT;
  const edgedf_step *from = &model->plan.step[index];
  const edgedf_plan *plan = &model->plan;
  edgedf_shape crop = edgedf_value_shape(&model->graph, EDF_CROP_VALUE);
  edgedf_shape in = from->kind == EDF_STEP_CROP ? crop : plan->tensor[from->input].shape;
  edgedf_shape out = plan->tensor[from->output].shape;
  memset(step, 0, sizeof *step);
  memcpy(step->layer, model->layer[index], sizeof step->layer);
  describe_kernel(model, from, step);
  append(step->fused, sizeof step->fused,
         from->node == EDF_NONE ? step->kernel : operator_names[model->graph.nodes[from->node].op]);
  append_chain(&model->graph, &from->before, step);
  if (from->other != EDF_NONE) append(step->fused, sizeof step->fused, "add");
  append_chain(&model->graph, &from->middle, step);
  if (from->pool != EDF_NONE) append(step->fused, sizeof step->fused, operator_names[model->graph.nodes[from->pool].op]);
  append_chain(&model->graph, &from->after, step);
  put_shape(in, step->in_chw);
  put_shape(out, step->out_chw);
  step->multiplies = from->multiplies;
  step->table_bytes = from->table_bytes;
  step->read_bytes = (from->kind == EDF_STEP_CROP || from->int8 ? bytes_of(in) / 4 : bytes_of(in)) +
                     (from->other == EDF_NONE ? 0 : bytes_of(from->sums));
  step->write_bytes = from->kind == EDF_STEP_QUANTISE ? bytes_of(out) / 4 : bytes_of(out);
  if (from->node != EDF_NONE) {
    step->weights = edgedf_weight_count(&model->graph.nodes[from->node]);
    step->nonzero = model->graph.nodes[from->node].nonzero;
  }
  return EDGEDF_MODEL_OK;
}

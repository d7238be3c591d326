/* A model file's graph, parsed and checked: what is computed, not yet how. */
#ifndef EDF_GRAPH_H
#define EDF_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "edgedf/model.h"

enum {
  EDF_OP_CONV = 1,
  EDF_OP_AFFINE = 2,
  EDF_OP_RELU = 3,
  EDF_OP_LEAKY_RELU = 4,
  EDF_OP_CLAMP = 5,
  EDF_OP_MAX_POOL = 6,
  EDF_OP_AVG_POOL = 7,
  EDF_OP_ADD = 8,
  EDF_OP_FLATTEN = 9,
  EDF_OP_LINEAR = 10,
  EDF_OP_SIGMOID = 11
};

enum { EDF_FORM_NONE = 0, EDF_FORM_F32 = 1, EDF_FORM_F16 = 2, EDF_FORM_INT8 = 3 };

#define EDF_HEADER_BYTES 72u
#define EDF_VERSION 2u
/* Value 0 names the crop, value i + 1 the output of node i. */
#define EDF_CROP_VALUE 0u

typedef struct edgedf_shape {
  uint32_t c, h, w; /* a vector of F features is (F, 1, 1) */
} edgedf_shape;

typedef struct edgedf_node {
  uint8_t op, inputs, bias_form, weight_form, vector_form;
  uint16_t input[2];
  uint8_t name_bytes;
  uint32_t name_at; /* offset of the layer's name in the file */
  uint32_t out_channels, in_channels, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, groups;
  uint32_t nonzero;
  float slope, low, high;
  edgedf_shape shape; /* of the output */
  size_t raw_at, raw_bytes; /* this node's part of the RAW section, offset in the file */
} edgedf_node;

typedef struct edgedf_section {
  size_t at, bytes;
} edgedf_section;

typedef struct edgedf_graph {
  edgedf_model_contract contract;
  edgedf_section nodes_section, raw, code, meta;
  uint32_t count;
  edgedf_node nodes[EDGEDF_MODEL_MAX_NODES];
} edgedf_graph;

/* Parse and check everything but the coded weights. */
edgedf_model_status edgedf_parse_graph(const uint8_t *file, size_t bytes, edgedf_graph *graph);

/* Whether logit_threshold is where the score reaches threshold, but for rounding. */
int edgedf_good_threshold(const edgedf_model_contract *contract);

/* Shape of a value. */
static inline edgedf_shape edgedf_value_shape(const edgedf_graph *graph, uint32_t value) {
  edgedf_shape crop = {3, graph->contract.size, graph->contract.size};
  return value == EDF_CROP_VALUE ? crop : graph->nodes[value - 1].shape;
}

static inline uint64_t edgedf_weight_count(const edgedf_node *node) {
  return (uint64_t)node->out_channels * node->in_channels * node->kernel_h * node->kernel_w;
}

static inline uint32_t edgedf_form_bytes(uint32_t form) {
  return form == EDF_FORM_F32 ? 4 : form == EDF_FORM_F16 ? 2 : form == EDF_FORM_INT8 ? 1 : 0;
}

#endif

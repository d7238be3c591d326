/* Parse and check the header and the graph of a model file. */
#include "graph.h"

#include "bytes.h"

static const uint8_t magic[8] = {'E', 'D', 'F', 'M', 0x0d, 0x0a, 0x1a, 0x0a};

/* CRC-32 (IEEE 802.3), four bits at a time: a table of 64 bytes is enough for files this small. */
static uint32_t crc32_of(const uint8_t *bytes, size_t count) {
  static const uint32_t table[16] = {0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
                                     0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
                                     0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < count; i++) {
    crc ^= bytes[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

static int good_contract(const edgedf_model_contract *c) {
  /* Written so that a NaN fails. */
  return c->size >= 16 && c->size <= 1024 && c->box_scale >= 1.0 && c->box_scale <= 4.0 && c->threshold > 0.0 &&
         c->threshold < 1.0 && c->temperature >= 1e-3 && c->temperature <= 1e3 && edgedf_good_threshold(c);
}

static edgedf_model_status parse_header(const uint8_t *file, size_t bytes, edgedf_graph *graph) {
  if (bytes < sizeof magic || memcmp(file, magic, sizeof magic) != 0) return EDGEDF_MODEL_NOT_A_MODEL;
  if (bytes < EDF_HEADER_BYTES || bytes > UINT32_MAX) return EDGEDF_MODEL_BAD_SIZE;
  if (edgedf_u32(file + 8) != EDF_VERSION) return EDGEDF_MODEL_BAD_VERSION;
  edgedf_section *sections[4] = {&graph->nodes_section, &graph->raw, &graph->code, &graph->meta};
  size_t at = EDF_HEADER_BYTES;
  for (size_t i = 0; i < 4; i++) {
    size_t size = edgedf_u32(file + 16 + 4 * i);
    if (size > bytes - at) return EDGEDF_MODEL_BAD_SIZE;
    sections[i]->at = at;
    sections[i]->bytes = size;
    at += size;
  }
  if (at != bytes) return EDGEDF_MODEL_BAD_SIZE;
  if (edgedf_u32(file + 12) != crc32_of(file + 16, bytes - 16)) return EDGEDF_MODEL_BAD_CHECKSUM;
  graph->contract.size = edgedf_u16(file + 32);
  graph->contract.box_scale = edgedf_f64(file + 40);
  graph->contract.threshold = edgedf_f64(file + 48);
  graph->contract.temperature = edgedf_f64(file + 56);
  graph->contract.logit_threshold = edgedf_f64(file + 64);
  int reserved = file[35] | file[36] | file[37] | file[38] | file[39];
  if (file[34] != 1 || reserved != 0 || !good_contract(&graph->contract)) return EDGEDF_MODEL_BAD_GRAPH;
  return EDGEDF_MODEL_OK;
}

static int in_range(uint32_t value, uint32_t low, uint32_t high) { return value >= low && value <= high; }

/* Output side of a window that slides over `side` positions, 0 if it does not fit. */
static uint32_t window(uint32_t side, uint32_t kernel, uint32_t stride, uint32_t pad) {
  uint32_t padded = side + 2 * pad;
  return padded < kernel ? 0 : (padded - kernel) / stride + 1;
}

static void take_window(edgedf_cursor *cursor, edgedf_node *node, int with_padding) {
  uint32_t *fields[6] = {&node->kernel_h, &node->kernel_w, &node->stride_h,
                         &node->stride_w, &node->pad_h,    &node->pad_w};
  for (size_t i = 0; i < (with_padding ? 6u : 4u); i++) *fields[i] = edgedf_take_varint(cursor);
}

/* Kernel, stride and padding within limits and smaller than what they slide over; sets the output's sides. */
static int check_window(edgedf_node *node, edgedf_shape in, int vector) {
  if (vector || !in_range(node->kernel_h, 1, 255) || !in_range(node->kernel_w, 1, 255)) return 0;
  if (!in_range(node->stride_h, 1, 255) || !in_range(node->stride_w, 1, 255)) return 0;
  if (node->pad_h > 255 || node->pad_w > 255) return 0;
  node->shape.h = window(in.h, node->kernel_h, node->stride_h, node->pad_h);
  node->shape.w = window(in.w, node->kernel_w, node->stride_w, node->pad_w);
  return in_range(node->shape.h, 1, EDGEDF_MODEL_MAX_SIDE) && in_range(node->shape.w, 1, EDGEDF_MODEL_MAX_SIDE);
}

/* What a layer with weights carries beyond its shape. */
static int take_weights(edgedf_cursor *cursor, edgedf_node *node) {
  node->bias_form = (uint8_t)edgedf_take_u8(cursor);
  node->weight_form = (uint8_t)edgedf_take_u8(cursor);
  node->vector_form = (uint8_t)edgedf_take_u8(cursor);
  node->nonzero = edgedf_take_varint(cursor);
  uint64_t weights = edgedf_weight_count(node);
  if (cursor->bad || node->bias_form > EDF_FORM_F16 || !in_range(node->weight_form, 1, 3)) return 0;
  uint32_t scales = node->weight_form == EDF_FORM_INT8;
  if (scales ? !in_range(node->vector_form, 1, 2) : node->vector_form != EDF_FORM_NONE) return 0;
  if (weights > EDGEDF_MODEL_MAX_WEIGHTS || node->nonzero > weights) return 0;
  node->raw_bytes = (size_t)node->out_channels * (edgedf_form_bytes(node->bias_form) + edgedf_form_bytes(node->vector_form)) +
                    (size_t)node->nonzero * (edgedf_form_bytes(node->weight_form) - 1);
  return 1;
}

static int parse_conv(edgedf_cursor *cursor, edgedf_node *node, edgedf_shape in, int vector) {
  node->out_channels = edgedf_take_varint(cursor);
  node->groups = edgedf_take_varint(cursor);
  take_window(cursor, node, 1);
  if (!in_range(node->out_channels, 1, EDGEDF_MODEL_MAX_CHANNELS) || !in_range(node->groups, 1, in.c)) return 0;
  if (in.c % node->groups != 0 || node->out_channels % node->groups != 0) return 0;
  node->in_channels = in.c / node->groups;
  if (!check_window(node, in, vector)) return 0;
  node->shape.c = node->out_channels;
  return take_weights(cursor, node);
}

static int parse_linear(edgedf_cursor *cursor, edgedf_node *node, edgedf_shape in, int vector) {
  node->out_channels = edgedf_take_varint(cursor);
  node->in_channels = in.c;
  node->kernel_h = node->kernel_w = node->stride_h = node->stride_w = node->groups = 1;
  if (!vector || !in_range(node->out_channels, 1, EDGEDF_MODEL_MAX_CHANNELS)) return 0;
  node->shape = (edgedf_shape){node->out_channels, 1, 1};
  return take_weights(cursor, node);
}

static int parse_elementwise(edgedf_cursor *cursor, edgedf_node *node, edgedf_shape in) {
  node->shape = in;
  if (node->op == EDF_OP_AFFINE) {
    node->vector_form = (uint8_t)edgedf_take_u8(cursor);
    node->raw_bytes = 2 * (size_t)in.c * edgedf_form_bytes(node->vector_form);
    return in_range(node->vector_form, 1, 2);
  }
  if (node->op == EDF_OP_LEAKY_RELU) {
    node->slope = edgedf_take_f32(cursor);
    return edgedf_is_finite(node->slope);
  }
  if (node->op == EDF_OP_CLAMP) {
    node->low = edgedf_take_f32(cursor);
    node->high = edgedf_take_f32(cursor);
    return edgedf_is_finite(node->low) && edgedf_is_finite(node->high) && node->low <= node->high;
  }
  return 1;
}

static int parse_pool(edgedf_cursor *cursor, edgedf_node *node, edgedf_shape in, int vector) {
  take_window(cursor, node, node->op == EDF_OP_MAX_POOL);
  /* Padding of at most half a window: every window then holds at least one real position. */
  if (node->pad_h * 2 > node->kernel_h || node->pad_w * 2 > node->kernel_w) return 0;
  node->shape.c = in.c;
  return check_window(node, in, vector);
}

/* Flat vectors and planes share edgedf_shape; `vectors` remembers which is which, bit by value. */
static int parse_node(edgedf_cursor *cursor, edgedf_graph *graph, uint32_t index, uint8_t *vectors) {
  edgedf_node *node = &graph->nodes[index];
  memset(node, 0, sizeof *node);
  node->op = (uint8_t)edgedf_take_u8(cursor);
  node->inputs = node->op == EDF_OP_ADD ? 2 : 1;
  for (size_t i = 0; i < node->inputs; i++) {
    uint32_t value = edgedf_take_varint(cursor);
    if (cursor->bad || value > index) return 0;
    node->input[i] = (uint16_t)value;
  }
  edgedf_shape in = edgedf_value_shape(graph, node->input[0]);
  int vector = vectors[node->input[0]];
  vectors[index + 1] = (uint8_t)(vector || node->op == EDF_OP_FLATTEN);
  switch (node->op) {
    case EDF_OP_CONV: return parse_conv(cursor, node, in, vector);
    case EDF_OP_LINEAR: return parse_linear(cursor, node, in, vector);
    case EDF_OP_MAX_POOL:
    case EDF_OP_AVG_POOL: return parse_pool(cursor, node, in, vector);
    case EDF_OP_FLATTEN: {
      uint64_t features = (uint64_t)in.c * in.h * in.w;
      node->shape = (edgedf_shape){(uint32_t)features, 1, 1};
      return features <= EDGEDF_MODEL_MAX_WEIGHTS;
    }
    case EDF_OP_ADD: {
      edgedf_shape other = edgedf_value_shape(graph, node->input[1]);
      node->shape = in;
      return other.c == in.c && other.h == in.h && other.w == in.w && vectors[node->input[1]] == vector;
    }
    case EDF_OP_AFFINE:
    case EDF_OP_RELU:
    case EDF_OP_LEAKY_RELU:
    case EDF_OP_CLAMP:
    case EDF_OP_SIGMOID: return parse_elementwise(cursor, node, in);
    default: return 0;
  }
}

static int parse_name(edgedf_cursor *cursor, edgedf_node *node) {
  node->name_bytes = (uint8_t)edgedf_take_u8(cursor);
  const uint8_t *name = edgedf_take(cursor, node->name_bytes);
  if (cursor->bad || node->name_bytes > 63) return 0;
  node->name_at = (uint32_t)(name - cursor->bytes);
  for (size_t i = 0; i < node->name_bytes; i++)
    if (name[i] < 32 || name[i] > 126) return 0;
  return 1;
}

/* Every value but the last is read by a later node: what is left over would hide which one is the logit. */
static int all_values_read(const edgedf_graph *graph) {
  uint8_t read[EDGEDF_MODEL_MAX_NODES + 1] = {0};
  for (uint32_t i = 0; i < graph->count; i++)
    for (uint32_t k = 0; k < graph->nodes[i].inputs; k++) read[graph->nodes[i].input[k]] = 1;
  for (uint32_t value = 0; value < graph->count; value++)
    if (!read[value]) return 0;
  return 1;
}

static edgedf_model_status parse_nodes(const uint8_t *file, edgedf_graph *graph) {
  edgedf_cursor cursor = {file, graph->nodes_section.at, graph->nodes_section.at + graph->nodes_section.bytes, 0};
  uint8_t vectors[EDGEDF_MODEL_MAX_NODES + 1] = {0};
  size_t raw = graph->raw.at;
  uint64_t weights = 0;
  graph->count = edgedf_take_varint(&cursor);
  if (cursor.bad || !in_range(graph->count, 1, EDGEDF_MODEL_MAX_NODES)) return EDGEDF_MODEL_BAD_GRAPH;
  for (uint32_t i = 0; i < graph->count; i++) {
    edgedf_node *node = &graph->nodes[i];
    if (!parse_node(&cursor, graph, i, vectors) || !parse_name(&cursor, node)) return EDGEDF_MODEL_BAD_GRAPH;
    if ((uint64_t)node->shape.c * node->shape.h * node->shape.w > EDGEDF_MODEL_MAX_FLOATS)
      return EDGEDF_MODEL_TOO_LARGE;
    node->raw_at = raw;
    if (node->raw_bytes > graph->raw.at + graph->raw.bytes - raw) return EDGEDF_MODEL_BAD_GRAPH;
    raw += node->raw_bytes;
    if (node->op == EDF_OP_CONV || node->op == EDF_OP_LINEAR) weights += edgedf_weight_count(node);
  }
  if (weights > EDGEDF_MODEL_MAX_WEIGHTS) return EDGEDF_MODEL_TOO_LARGE;
  edgedf_shape out = graph->nodes[graph->count - 1].shape;
  int one_logit = out.c == 1 && out.h == 1 && out.w == 1;
  int all_read = cursor.at == cursor.end && raw == graph->raw.at + graph->raw.bytes;
  return one_logit && all_read && all_values_read(graph) ? EDGEDF_MODEL_OK : EDGEDF_MODEL_BAD_GRAPH;
}

edgedf_model_status edgedf_parse_graph(const uint8_t *file, size_t bytes, edgedf_graph *graph) {
  edgedf_model_status status = parse_header(file, bytes, graph);
  return status == EDGEDF_MODEL_OK ? parse_nodes(file, graph) : status;
}

/* How a graph is computed: fused steps, the layout of every activation, and where each lies in memory. */
#ifndef EDF_PLAN_H
#define EDF_PLAN_H

#include "graph.h"
#include "kernels.h"
#include "kernels_int8.h"

#define EDF_MAX_STEPS 256u
#define EDF_MAX_TENSORS 384u
#define EDF_CHAIN 4u
#define EDF_NONE 0xffffu
#define EDF_MAX_WINDOWS 4u

/* An activation in memory. Channels follow each other; a channel of a tensor that strided convolutions
 * read is split into stride_h * stride_w phase planes (every stride-th row and column), so that a strided
 * convolution becomes one without stride. Padding is stored, as zeros; where a plane is not split, the
 * padding right of one row is also the padding left of the next. */
typedef struct edgedf_tensor {
  edgedf_shape shape;
  uint32_t pad_h, pad_w, stride_h, stride_w;
  uint32_t reach;     /* widest output of the stride-1 convolutions that read it; a row is no shorter */
  uint32_t row, rows; /* floats per row and rows, of one phase plane, padding included */
  uint16_t alias;     /* tensor whose memory this one views (a flattened one), or EDF_NONE */
  uint16_t first, last; /* steps that write it and that read it last */
  uint8_t split;      /* whether it has phase planes */
  uint8_t windowed;   /* lies in a thread's scratch, and only the rows that its one reader needs next */
  uint8_t quantised;  /* words of four channels' bytes instead of floats, see kernels_int8.h */
  size_t plane, channel, floats; /* floats per phase plane, per channel, and in all, slack included */
  size_t at;          /* first float in the arena, or in the scratch if windowed */
} edgedf_tensor;

typedef struct edgedf_chain {
  uint16_t count, nodes[EDF_CHAIN];
} edgedf_chain;

enum { EDF_STEP_CROP, EDF_STEP_CONV, EDF_STEP_LINEAR, EDF_STEP_COPY, EDF_STEP_QUANTISE };

/* One fused pass: source (crop, convolution, linear layer or an activation) -> `before` ->
 * + other -> `middle` -> pool -> `after` -> output. */
typedef struct edgedf_step {
  uint8_t kind, dense;
  uint8_t int8;           /* dense, in 8-bit integers; its input is a quantised tensor */
  uint8_t pooled;         /* the kernel does the pool and both chains too */
  uint8_t direct;         /* the kernel does all there is, and stores to the output tensor */
  uint8_t absorbed;       /* operators of `before` that the kernel does in its epilogue */
  uint16_t node;    /* convolution or linear layer, or EDF_NONE */
  uint16_t input, other, output; /* tensors; other is EDF_NONE without an addition */
  uint16_t pool;    /* node of the pool, or EDF_NONE */
  uint16_t in_value, other_value, out_value; /* graph values behind the tensors */
  edgedf_chain before, middle, after;
  edgedf_shape sums;   /* what the source makes, before the pool */
  uint32_t strip;   /* output rows per strip */
  uint32_t strip_rows; /* most source rows a strip needs */
  size_t strip_floats; /* scratch for one channel of a strip */
  size_t sums_floats;  /* scratch for the channels that are summed up at the same time */
  size_t taps, starts, weights, offsets, bias, epilogues; /* byte offsets of tables in the model */
  size_t totals, scales; /* int8: sum of a channel's weights, and what one unit of them is worth */
  size_t table_bytes;
  uint64_t multiplies;
} edgedf_step;

typedef struct edgedf_plan {
  const edgedf_int8_kernels *int8; /* NULL: no layer is computed in integers */
  uint32_t steps, tensors, windows;
  edgedf_step step[EDF_MAX_STEPS];
  edgedf_tensor tensor[EDF_MAX_TENSORS];
  size_t affine[EDGEDF_MODEL_MAX_NODES]; /* byte offset of a node's scale, then shift, in the model */
  size_t arena_floats, scratch_floats;   /* per run; per thread */
  size_t window_floats;                  /* first part of the scratch: windowed tensors */
  size_t model_bytes;                    /* everything the model memory holds */
  uint64_t work;                         /* of one run, see EDGEDF_MODEL_MAX_WORK */
} edgedf_plan;

edgedf_model_status edgedf_make_plan(const edgedf_graph *graph, const edgedf_variant *variant, size_t fixed_bytes,
                                  edgedf_plan *plan);

/* The stages of edgedf_make_plan, each in its own file. */
edgedf_model_status edgedf_fuse(const edgedf_graph *graph, edgedf_plan *plan);
edgedf_model_status edgedf_lay_out(const edgedf_graph *graph, edgedf_plan *plan);
void edgedf_plan_int8(const edgedf_graph *graph, edgedf_plan *plan);
edgedf_model_status edgedf_place(edgedf_plan *plan);
void edgedf_choose_kernels(const edgedf_graph *graph, const edgedf_kernels *kernels, edgedf_plan *plan);
edgedf_model_status edgedf_choose_strips(const edgedf_graph *graph, const edgedf_kernels *kernels, edgedf_plan *plan);
edgedf_model_status edgedf_count_work(const edgedf_graph *graph, edgedf_plan *plan);
edgedf_model_status edgedf_size_tables(const edgedf_graph *graph, const edgedf_kernels *kernels, size_t fixed_bytes,
                                    edgedf_plan *plan);

/* Output channels that a dense kernel of this step computes together. */
static inline uint32_t edgedf_block_of(const edgedf_kernels *kernels, const edgedf_plan *plan, const edgedf_step *step) {
  return step->int8 ? plan->int8->block : kernels->block;
}

/* Groups of four channels, one plane of words each. */
static inline uint32_t edgedf_word_planes(uint32_t channels) { return (channels + 3) / 4; }

#endif

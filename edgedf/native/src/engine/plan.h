/* How a graph is computed: fused steps, the layout of every activation, and where each lies in memory. */
#ifndef EDF_PLAN_H
#define EDF_PLAN_H

#include "graph.h"
#include "kernels.h"

#define EDF_MAX_STEPS 256u
#define EDF_MAX_TENSORS 384u
#define EDF_CHAIN 4u
#define EDF_NONE 0xffffu

/* An activation in memory. Channels follow each other; a channel of a tensor that strided convolutions
 * read is split into stride_h * stride_w phase planes (every stride-th row and column), so that a strided
 * convolution becomes one without stride. Padding is stored, as zeros; where a plane is not split, the
 * padding right of one row is also the padding left of the next. */
typedef struct edf_tensor {
  edf_shape shape;
  uint32_t pad_h, pad_w, stride_h, stride_w;
  uint32_t reach;     /* widest output of the stride-1 convolutions that read it; a row is no shorter */
  uint32_t row, rows; /* floats per row and rows, of one phase plane, padding included */
  uint16_t alias;     /* tensor whose memory this one views (a flattened one), or EDF_NONE */
  uint16_t first, last; /* steps that write it and that read it last */
  uint8_t split;      /* whether it has phase planes */
  uint8_t windowed;   /* the crop, if only one convolution reads it: in a thread's scratch, a strip's rows at a time */
  size_t plane, channel, floats; /* floats per phase plane, per channel, and in all, slack included */
  size_t at;          /* first float in the arena */
} edf_tensor;

typedef struct edf_chain {
  uint16_t count, nodes[EDF_CHAIN];
} edf_chain;

enum { EDF_STEP_CROP, EDF_STEP_CONV, EDF_STEP_LINEAR, EDF_STEP_COPY };

/* One fused pass: source (crop, convolution, linear layer or an activation) -> `before` ->
 * + other -> `middle` -> pool -> `after` -> output. */
typedef struct edf_step {
  uint8_t kind, dense;
  uint8_t pooled;         /* the kernel does the pool and both chains too */
  uint8_t direct;         /* the kernel does all there is, and stores to the output tensor */
  uint8_t absorbed;       /* operators of `before` that the kernel does in its epilogue */
  uint16_t node;    /* convolution or linear layer, or EDF_NONE */
  uint16_t input, other, output; /* tensors; other is EDF_NONE without an addition */
  uint16_t pool;    /* node of the pool, or EDF_NONE */
  uint16_t in_value, other_value, out_value; /* graph values behind the tensors */
  edf_chain before, middle, after;
  edf_shape sums;   /* what the source makes, before the pool */
  uint32_t strip;   /* output rows per strip */
  uint32_t strip_rows; /* most source rows a strip needs */
  size_t strip_floats; /* scratch for one channel of a strip */
  size_t sums_floats;  /* scratch for the channels that are summed up at the same time */
  size_t window_floats; /* scratch for the rows of a windowed input */
  size_t taps, starts, weights, offsets, bias, epilogues; /* byte offsets of tables in the model */
  size_t table_bytes;
  uint64_t multiplies;
} edf_step;

typedef struct edf_plan {
  uint32_t steps, tensors;
  edf_step step[EDF_MAX_STEPS];
  edf_tensor tensor[EDF_MAX_TENSORS];
  size_t affine[EDGEDF_MODEL_MAX_NODES]; /* byte offset of a node's scale, then shift, in the model */
  size_t arena_floats, scratch_floats;   /* per run; per thread */
  size_t model_bytes;                    /* everything the model memory holds */
  uint64_t work;                         /* of one run, see EDGEDF_MODEL_MAX_WORK */
} edf_plan;

edgedf_model_status edf_make_plan(const edf_graph *graph, const edf_kernels *kernels, size_t fixed_bytes,
                                  edf_plan *plan);

/* The stages of edf_make_plan, each in its own file. */
edgedf_model_status edf_fuse(const edf_graph *graph, edf_plan *plan);
edgedf_model_status edf_lay_out(const edf_graph *graph, edf_plan *plan);
edgedf_model_status edf_place(edf_plan *plan);
void edf_choose_kernels(const edf_graph *graph, const edf_kernels *kernels, edf_plan *plan);
void edf_choose_strips(const edf_graph *graph, const edf_kernels *kernels, edf_plan *plan);
edgedf_model_status edf_count_work(const edf_graph *graph, edf_plan *plan);
edgedf_model_status edf_size_tables(const edf_graph *graph, const edf_kernels *kernels, size_t fixed_bytes,
                                    edf_plan *plan);

#endif

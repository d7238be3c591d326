/* An opened model: everything lies in the memory the caller gave, tables behind this struct. */
#ifndef EDF_MODEL_INTERNAL_H
#define EDF_MODEL_INTERNAL_H

#include "plan.h"

struct edgedf_model {
  const edf_kernels *kernels;
  edgedf_model_needs needs;
  char layer[EDF_MAX_STEPS][64]; /* name of the layer each step starts with */
  edf_graph graph;
  edf_plan plan;
};

static inline void *edf_table(const edgedf_model *model, size_t at) {
  return (void *)((uintptr_t)model + at);
}

/* Decode weights, biases, scales and affine vectors into the tables. */
edgedf_model_status edf_decode_tables(const uint8_t *file, edgedf_model *model);

/* Run all steps; `arena` and `scratch` are aligned, scratch holds threads * scratch_floats. */
typedef struct edf_run {
  const edgedf_model *model;
  const edf_step *step;
  const uint8_t *crop;
  size_t row_bytes;
  float *arena, *scratch;
  uint32_t threads;
} edf_run;

void edf_run_step(edf_run *run, uint32_t thread);

/* A step with fewer output rows per thread is split by output channels. */
#define EDF_ROWS_PER_THREAD 8u
/* First unit of thread `t`, where all units cost the same. */
static inline uint32_t edf_split(uint32_t units, uint32_t threads, uint32_t t) {
  return (uint32_t)((uint64_t)units * t / threads);
}

/* What edf_run_step is made of. */
void edf_run_conv(const edf_run *run, uint32_t thread, float *scratch);
void edf_run_linear(const edf_run *run, uint32_t thread, float *scratch);
void edf_run_copy(const edf_run *run, uint32_t thread, float *scratch);
void edf_run_crop(const edf_run *run, uint32_t thread, float *scratch);

/* Rows of sums of one channel, `row` floats apart, on their way to the output tensor. */
typedef struct edf_strip {
  uint32_t channel;
  uint32_t first_sum, last_sum; /* source rows [first, last) in `sums` */
  uint32_t first_out, last_out; /* output rows [first, last) they become */
  float *sums;
  size_t row;
} edf_strip;

/* The rows of a windowed crop that a strip reads, into the thread's scratch. */
void edf_fill_window(const edf_run *run, const edf_strip *strip, float *window, float *spare);
/* Source rows that output rows [first_out, last_out) need. */
void edf_strip_rows(const edf_run *run, edf_strip *strip);
/* The rest of the chain, addition, pool and store. `scratch` is free space beyond the sums. */
void edf_finish_strip(const edf_run *run, const edf_strip *strip, uint32_t absorbed, float *scratch);

void edf_apply_chain(const edgedf_model *model, const edf_chain *chain, uint32_t from, uint32_t channel, float *row,
                     size_t n);
/* Make the padding around one output row, and say where to write the row: in place, or, for a tensor with
 * phase planes, into `spare`, from where edf_end_row takes it apart. */
float *edf_begin_row(const edf_tensor *out, float *arena, uint32_t channel, uint32_t y, float *spare);
/* Make the padding around output rows [first, last) of an undivided tensor. */
void edf_pad_rows(const edf_tensor *out, float *arena, uint32_t channel, uint32_t first, uint32_t last);
/* A row taken apart: every stride-th float to each phase plane; `to` is its row in the first of them. */
void edf_store_phases(const edf_kernels *kernels, const edf_tensor *out, float *to, const float *row);
void edf_end_row(const edf_kernels *kernels, const edf_tensor *out, float *arena, uint32_t channel, uint32_t y,
                 const float *row);
/* Where a row of an undivided tensor begins. */
static inline float *edf_row(const edf_tensor *t, float *arena, uint32_t channel, uint32_t y) {
  return arena + t->at + channel * t->channel + (size_t)(y + t->pad_h) * t->row + t->pad_w;
}
float edf_exp(float x);
double edf_exp64(double x);

#endif

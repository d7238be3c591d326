/* An opened model: everything lies in the memory the caller gave, tables behind this struct. */
#ifndef EDF_MODEL_INTERNAL_H
#define EDF_MODEL_INTERNAL_H

#include "plan.h"

struct edgedf_model {
  const edgedf_kernels *kernels;
  edgedf_model_needs needs;
  char layer[EDF_MAX_STEPS][64]; /* name of the layer each step starts with */
  edgedf_graph graph;
  edgedf_plan plan;
  /* Of a node with weights or scales, over its output channels: largest sum of magnitudes of weights, largest bias. */
  double gain[EDGEDF_MODEL_MAX_NODES], offset[EDGEDF_MODEL_MAX_NODES];
  float limit[EDF_MAX_STEPS]; /* largest magnitude that a step may read; infinite: known to be small enough */
};

static inline void *edgedf_table(const edgedf_model *model, size_t at) {
  return (void *)((uintptr_t)model + at);
}

/* Decode weights, biases, scales and affine vectors into the tables. */
edgedf_model_status edgedf_decode_tables(const uint8_t *file, edgedf_model *model);

/* After that: make sure that no activation can become infinite or NaN unseen. NOT_FINITE if nothing can. */
edgedf_model_status edgedf_bound_activations(edgedf_model *model);

/* Where the weights of an int8 convolution go. */
typedef struct edgedf_words {
  uint32_t *words;
  int32_t *totals;
  float *scales;
  uint32_t block, per_four, area, groups; /* per_four: words per four weights; groups: of four input channels */
} edgedf_words;

edgedf_words edgedf_words_at(const edgedf_model *model, const edgedf_step *step);
/* Weight `k` (input channel, row, column) of output channel `o`, in units of the channel's scale. */
void edgedf_put_word(const edgedf_words *to, uint32_t o, uint32_t k, int32_t units, float scale);

/* Run all steps; `arena` and `scratch` are aligned, scratch holds threads * scratch_floats. */
typedef struct edgedf_run {
  const edgedf_model *model;
  const edgedf_step *step;
  const uint8_t *crop;
  size_t row_bytes;
  float *arena, *scratch;
  uint32_t threads;
} edgedf_run;

void edgedf_run_step(edgedf_run *run, uint32_t thread);

/* A step with fewer output rows per thread is split by output channels. */
#define EDF_ROWS_PER_THREAD 8u
/* First unit of thread `t`, where all units cost the same. */
static inline uint32_t edgedf_split(uint32_t units, uint32_t threads, uint32_t t) {
  return (uint32_t)((uint64_t)units * t / threads);
}

/* What edgedf_run_step is made of. */
void edgedf_run_conv(const edgedf_run *run, uint32_t thread, float *scratch);
void edgedf_run_linear(const edgedf_run *run, uint32_t thread, float *scratch);
void edgedf_run_copy(const edgedf_run *run, uint32_t thread, float *scratch);
void edgedf_run_crop(const edgedf_run *run, uint32_t thread, float *scratch);
void edgedf_run_quantise(const edgedf_run *run, uint32_t thread);
/* Whether what the step reads is small enough for everything it makes to be finite; looks where the weights alone do
 * not say so. */
int edgedf_may_run_step(const edgedf_run *run);

/* Rows of sums of one channel, `row` floats apart, on their way to the output tensor. */
typedef struct edgedf_strip {
  uint32_t channel;
  uint32_t first_sum, last_sum; /* source rows [first, last) in `sums` */
  uint32_t first_out, last_out; /* output rows [first, last) they become */
  float *sums;
  size_t row;
} edgedf_strip;

/* Block `unit` of output channels of an int8 convolution: `n` sums each, from the strip's first word of input, and
 * from there to where they belong. */
void edgedf_conv_int8(const edgedf_run *run, const float *in, uint32_t unit, const edgedf_strip *strip, size_t n,
                   float *spare);

/* What a thread's windows hold: rows [first, last) of a phase plane, padding included, one entry per window in the
 * order of the steps that make them. */
typedef struct edgedf_window {
  uint32_t first, last;
} edgedf_window;

/* Rows [first, last) of the windowed input of run->step, computed as far as they are not there yet: `first` is then
 * the window's first row. `windows` is that tensor's entry; those before it are of the steps before. */
void edgedf_pull_rows(const edgedf_run *run, uint32_t first, uint32_t last, float *scratch, edgedf_window *windows);
/* Output rows [first, last) of a pooled step into a window whose row 0 is padded row `origin`. */
void edgedf_conv_to_window(const edgedf_run *run, uint32_t first, uint32_t last, uint32_t origin, float *scratch,
                        edgedf_window *windows);
/* Row `y` of the crop: three rows of floats, with the operators that follow. */
void edgedf_crop_rows(const edgedf_run *run, uint32_t y, float *const rows[3]);

/* Source rows that output rows [first_out, last_out) need. */
void edgedf_strip_rows(const edgedf_run *run, edgedf_strip *strip);
/* The rest of the chain, addition, pool and store. `scratch` is free space beyond the sums. */
void edgedf_finish_strip(const edgedf_run *run, const edgedf_strip *strip, uint32_t absorbed, float *scratch);

void edgedf_apply_chain(const edgedf_model *model, const edgedf_chain *chain, uint32_t from, uint32_t channel, float *row,
                     size_t n);
/* Make the padding around one output row, and say where to write the row: in place, or, for a tensor with
 * phase planes, into `spare`, from where edgedf_end_row takes it apart. */
float *edgedf_begin_row(const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t y, float *spare);
/* Make the padding around output rows [first, last) of an undivided tensor. */
void edgedf_pad_rows(const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t first, uint32_t last);
/* A row taken apart: every stride-th float to each phase plane; `to` is its row in the first of them. */
void edgedf_store_phases(const edgedf_kernels *kernels, const edgedf_tensor *out, float *to, const float *row);
void edgedf_end_row(const edgedf_kernels *kernels, const edgedf_tensor *out, float *arena, uint32_t channel, uint32_t y,
                 const float *row);
/* Where a row of an undivided tensor begins. */
static inline float *edgedf_row(const edgedf_tensor *t, float *arena, uint32_t channel, uint32_t y) {
  return arena + t->at + channel * t->channel + (size_t)(y + t->pad_h) * t->row + t->pad_w;
}
float edgedf_exp(float x);
double edgedf_exp64(double x);

#endif

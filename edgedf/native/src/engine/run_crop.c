/* The crop's bytes as planes of floats: all of them, or the rows that one strip of the first convolution reads. */
#include "bytes.h"
#include "model_internal.h"

/* One row of each colour, with the operators that follow. */
static void make_rows(const edf_run *run, uint32_t y, float *const rows[3]) {
  const edgedf_model *model = run->model;
  const edf_chain *chain = &model->plan.step[0].before;
  float scale[3] = {1, 1, 1}, shift[3] = {0, 0, 0};
  uint32_t size = model->graph.contract.size, absorbed = 0;
  if (chain->count > 0 && model->graph.nodes[chain->nodes[0]].op == EDF_OP_AFFINE) {
    const float *vectors = edf_table(model, model->plan.affine[chain->nodes[0]]);
    memcpy(scale, vectors, sizeof scale);
    memcpy(shift, vectors + 3, sizeof shift);
    absorbed = 1;
  }
  model->kernels->crop_row(run->crop + y * run->row_bytes, size, rows, scale, shift);
  for (uint32_t c = 0; c < 3; c++) edf_apply_chain(model, chain, absorbed, c, rows[c], size);
}

void edf_run_crop(const edf_run *run, uint32_t thread, float *scratch) {
  const edgedf_model *model = run->model;
  const edf_step *step = run->step;
  const edf_tensor *out = &model->plan.tensor[step->output];
  uint32_t size = model->graph.contract.size;
  /* Too little work to share; nothing to do if the convolution that reads it makes its own rows. */
  if (thread != 0 || out->windowed) return;
  for (uint32_t y = 0; y < size; y++) {
    float *rows[3];
    for (uint32_t c = 0; c < 3; c++)
      rows[c] = edf_begin_row(out, run->arena, c, y, scratch + (size_t)c * (size + EDF_OVERRUN));
    make_rows(run, y, rows);
    for (uint32_t c = 0; c < 3; c++) edf_end_row(model->kernels, out, run->arena, c, y, rows[c]);
  }
}

/* Padded row `p` of the picture into an undivided window whose first row is `first`. */
static void fill_row(const edf_run *run, const edf_tensor *in, uint32_t p, uint32_t first, float *window) {
  int inside = p >= in->pad_h && p < in->pad_h + in->shape.h;
  float *rows[3];
  for (uint32_t c = 0; c < 3; c++) {
    float *row = window + c * in->channel + (size_t)(p - first) * in->row;
    /* The padding right of this row is that left of the next. */
    memset(row, 0, (inside ? in->pad_w : in->row) * sizeof(float));
    rows[c] = row + in->pad_w;
    if (inside) memset(rows[c] + in->shape.w, 0, (in->row - in->shape.w) * sizeof(float));
  }
  if (inside) make_rows(run, p - in->pad_h, rows);
}

/* The same for a window of phase planes, which holds zeros so far. */
static void fill_phase_row(const edf_run *run, const edf_tensor *in, uint32_t p, uint32_t first, float *window,
                           float *spare) {
  float *rows[3];
  if (p < in->pad_h || p >= in->pad_h + in->shape.h) return;
  for (uint32_t c = 0; c < 3; c++) rows[c] = spare + (size_t)c * (in->shape.w + EDF_OVERRUN);
  make_rows(run, p - in->pad_h, rows);
  for (uint32_t c = 0; c < 3; c++)
    edf_store_phases(run->model->kernels, in, window + c * in->channel + (size_t)(p % in->stride_h) * in->stride_w * in->plane +
                             (size_t)(p / in->stride_h - first) * in->row,
                     rows[c]);
}

void edf_fill_window(const edf_run *run, const edf_strip *strip, float *window, float *spare) {
  const edf_tensor *in = &run->model->plan.tensor[run->step->input];
  const edf_node *node = &run->model->graph.nodes[run->step->node];
  uint32_t first = strip->first_sum * in->stride_h, last = (strip->last_sum - 1) * in->stride_h + node->kernel_h;
  if (in->split) memset(window, 0, in->floats * sizeof(float));
  for (uint32_t p = first; p < last; p++) {
    if (in->split)
      fill_phase_row(run, in, p, strip->first_sum, window, spare);
    else
      fill_row(run, in, p, first, window);
  }
  /* Right of the last row. */
  if (!in->split)
    for (uint32_t c = 0; c < 3; c++)
      memset(window + c * in->channel + (size_t)(last - first) * in->row, 0, in->pad_w * sizeof(float));
}

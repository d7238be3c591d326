/* The crop's bytes as planes of floats. */
#include "bytes.h"
#include "model_internal.h"

void edgedf_crop_rows(const edgedf_run *run, uint32_t y, float *const rows[3]) {
  const edgedf_model *model = run->model;
  const edgedf_chain *chain = &model->plan.step[0].before;
  float scale[3] = {1, 1, 1}, shift[3] = {0, 0, 0};
  uint32_t size = model->graph.contract.size, absorbed = 0;
  if (chain->count > 0 && model->graph.nodes[chain->nodes[0]].op == EDF_OP_AFFINE) {
    const float *vectors = edgedf_table(model, model->plan.affine[chain->nodes[0]]);
    memcpy(scale, vectors, sizeof scale);
    memcpy(shift, vectors + 3, sizeof shift);
    absorbed = 1;
  }
  model->kernels->crop_row(run->crop + y * run->row_bytes, size, rows, scale, shift);
  for (uint32_t c = 0; c < 3; c++) edgedf_apply_chain(model, chain, absorbed, c, rows[c], size);
}

void edgedf_run_crop(const edgedf_run *run, uint32_t thread, float *scratch) {
  const edgedf_model *model = run->model;
  const edgedf_step *step = run->step;
  const edgedf_tensor *out = &model->plan.tensor[step->output];
  uint32_t size = model->graph.contract.size;
  /* Too little work to share. A windowed crop is made when it is read. */
  if (thread != 0 || out->windowed) return;
  for (uint32_t y = 0; y < size; y++) {
    float *rows[3];
    for (uint32_t c = 0; c < 3; c++)
      rows[c] = edgedf_begin_row(out, run->arena, c, y, scratch + (size_t)c * (size + EDF_OVERRUN));
    edgedf_crop_rows(run, y, rows);
    for (uint32_t c = 0; c < 3; c++) edgedf_end_row(model->kernels, out, run->arena, c, y, rows[c]);
  }
}

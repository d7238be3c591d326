/* Windows: tensors of which only the rows exist that the one step that reads them needs next. The rows that two
 * strips share are kept; new ones are made by the step before, which may have a window of its own. */
#include "bytes.h"
#include "model_internal.h"

/* Planes of a tensor: channels times phases. */
static uint32_t planes_of(const edgedf_tensor *t) { return t->shape.c * t->stride_h * t->stride_w; }

/* Move what is there of rows from `first` on to the front; returns how many rows that are. */
static uint32_t keep_rows(const edgedf_tensor *t, const edgedf_window *have, uint32_t first, float *window) {
  if (first < have->first || first >= have->last) return 0;
  uint32_t keep = have->last - first;
  for (uint32_t i = 0; first > have->first && i < planes_of(t); i++) {
    float *plane = window + i * t->plane;
    memmove(plane, plane + (size_t)(first - have->first) * t->row, (size_t)keep * t->row * sizeof(float));
  }
  return keep;
}

static int inside(const edgedf_tensor *t, uint32_t padded) { return padded >= t->pad_h && padded < t->pad_h + t->shape.h; }

/* Padded row `p` of the crop, undivided. */
static void crop_row(const edgedf_run *run, const edgedf_tensor *t, uint32_t p, uint32_t origin, float *window) {
  float *rows[3];
  for (uint32_t c = 0; c < 3; c++) rows[c] = window + c * t->channel + (size_t)(p - origin) * t->row + t->pad_w;
  edgedf_crop_rows(run, p - t->pad_h, rows);
}

/* The same into phase planes, whose rows hold zeros so far. */
static void crop_phase_row(const edgedf_run *run, const edgedf_tensor *t, uint32_t p, uint32_t origin, float *window,
                           float *spare) {
  float *rows[3];
  for (uint32_t c = 0; c < 3; c++) rows[c] = spare + (size_t)c * (t->shape.w + EDF_OVERRUN);
  edgedf_crop_rows(run, p - t->pad_h, rows);
  for (uint32_t c = 0; c < 3; c++)
    edgedf_store_phases(run->model->kernels, t,
                     window + c * t->channel + (size_t)(p % t->stride_h) * t->stride_w * t->plane +
                         (size_t)(p / t->stride_h - origin) * t->row,
                     rows[c]);
}

/* Zeros in rows [first, last) of all planes. */
static void zero_rows(const edgedf_tensor *t, float *window, uint32_t first, uint32_t last) {
  for (uint32_t i = 0; first < last && i < planes_of(t); i++)
    memset(window + i * t->plane + (size_t)first * t->row, 0, (size_t)(last - first) * t->row * sizeof(float));
}

static void make_crop_rows(const edgedf_run *run, const edgedf_tensor *t, uint32_t first, uint32_t last, uint32_t origin,
                           float *window, float *spare) {
  if (t->split) zero_rows(t, window, first - origin, last - origin);
  for (uint32_t p = first * t->stride_h; p < last * t->stride_h; p++) {
    if (t->split && inside(t, p))
      crop_phase_row(run, t, p, origin, window, spare);
    else if (inside(t, p))
      crop_row(run, t, p, origin, window);
    else if (!t->split)
      zero_rows(t, window, p - origin, p - origin + 1);
  }
}

/* Rows of what a convolution makes: zeros above and below, and the rest from its own kernel. */
static void make_conv_rows(const edgedf_run *run, const edgedf_tensor *t, uint32_t first, uint32_t last, uint32_t origin,
                           float *scratch, edgedf_window *windows) {
  uint32_t top = t->pad_h, end = t->pad_h + t->shape.h, from = first > top ? first : top, to = last < end ? last : end;
  float *window = scratch + t->at;
  if (from >= to) from = to = last;
  zero_rows(t, window, first - origin, from - origin);
  if (from < to) edgedf_conv_to_window(run, from - top, to - top, origin, scratch, windows);
  zero_rows(t, window, to - origin, last - origin);
}

void edgedf_pull_rows(const edgedf_run *run, uint32_t first, uint32_t last, float *scratch, edgedf_window *windows) {
  const edgedf_plan *plan = &run->model->plan;
  const edgedf_tensor *t = &plan->tensor[run->step->input];
  float *window = scratch + t->at;
  /* The zeros beside the rows, for the whole run: only what lies between them is written, and rows move with them. */
  if (windows->last == 0) memset(window, 0, t->floats * sizeof(float));
  uint32_t kept = keep_rows(t, windows, first, window);
  edgedf_run maker = *run;
  maker.step = &plan->step[t->first];
  if (maker.step->kind == EDF_STEP_CROP)
    make_crop_rows(run, t, first + kept, last, first, window, scratch + plan->window_floats + run->step->sums_floats);
  else
    make_conv_rows(&maker, t, first + kept, last, first, scratch, windows - 1);
  windows->first = first;
  windows->last = last;
}

/* The truth: plain C for every processor. */
#include <string.h>

#include "crop_kernels.h"

edf_run edgedf_crop_run(const edf_area *area, int32_t row) {
  const edf_view *view = area->view;
  const size_t y = (size_t)(area->y + row * area->down), x = (size_t)area->x;
  uint8_t *target = area->target + (size_t)row * area->target_row;
  edf_run run = {view->pixels + y * view->row + x * view->step, NULL, NULL, target, target + area->target_plane,
                 target + 2 * area->target_plane};
  if (edgedf_crop_is_yuv(view->format)) {
    run.u = view->u + y / 2 * view->u_row + x / 2 * view->u_step;
    run.v = view->v + y / 2 * view->v_row + x / 2 * view->v_step;
  } else if (view->format == EDGEDF_BGRA8888) {
    run.blue = run.red;
    run.red = target + 2 * area->target_plane;
  }
  return run;
}

int32_t edgedf_crop_chroma_lines(const edf_area *area, int32_t row, edf_run *lines) {
  const int32_t y = area->y + row * area->down;
  lines[0] = edgedf_crop_run(area, row);
  if (row + 1 >= area->rows || (y + area->down) / 2 != y / 2) return 1;
  lines[1] = lines[0];
  lines[1].pixels += area->down * (ptrdiff_t)area->view->row;
  lines[1].red += area->target_row;
  lines[1].green += area->target_row;
  lines[1].blue += area->target_row;
  return 2;
}

void edgedf_crop_split_run(const edf_area *area, const edf_run *run, size_t done) {
  const size_t step = area->view->step;
  const int gray = area->view->format == EDGEDF_GRAY8;
  if (gray && step == 1) {
    memcpy(run->red + done, run->pixels + done, area->n - done);
    memcpy(run->green + done, run->pixels + done, area->n - done);
    memcpy(run->blue + done, run->pixels + done, area->n - done);
    return;
  }
  for (size_t i = done; i < area->n; i++) {
    const uint8_t *pixel = run->pixels + i * step;
    run->red[i] = pixel[0];
    run->green[i] = pixel[gray ? 0 : 1];
    run->blue[i] = pixel[gray ? 0 : 2];
  }
}

static void split(const edf_area *area) {
  for (int32_t row = 0; row < area->rows; row++) {
    const edf_run run = edgedf_crop_run(area, row);
    edgedf_crop_split_run(area, &run, 0);
  }
}

edf_matrix edgedf_crop_matrix(const edf_area *area) {
  static const edf_matrix bt601 = {22970, -5638, -11700, 29032}; /* 1.402, -0.344136, -0.714136, 1.772 */
  static const edf_matrix bt709 = {25802, -3069, -7670, 30402};  /* 1.5748, -0.187324, -0.468124, 1.8556 */
  return area->view->matrix == EDGEDF_BT709 ? bt709 : bt601;
}

/* floor((sum + 8192) / 16384); the 256 keeps the shifted number positive, where C defines the shift. */
static int32_t shift_down(int32_t sum) { return ((sum + 8192 + (256 << 14)) >> 14) - 256; }

static uint8_t clip(int32_t value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

void edgedf_crop_convert_run(const edf_area *area, const edf_run *run, size_t done) {
  const edf_matrix m = edgedf_crop_matrix(area);
  for (size_t i = done; i < area->n; i++) {
    const int32_t y = run->pixels[i * area->view->step];
    const int32_t u = run->u[i / 2 * area->view->u_step] - 128;
    const int32_t v = run->v[i / 2 * area->view->v_step] - 128;
    run->red[i] = clip(y + shift_down(m.rv * v));
    run->green[i] = clip(y + shift_down(m.gu * u + m.gv * v));
    run->blue[i] = clip(y + shift_down(m.bu * u));
  }
}

static void convert_yuv(const edf_area *area) {
  for (int32_t row = 0; row < area->rows; row++) {
    const edf_run run = edgedf_crop_run(area, row);
    edgedf_crop_convert_run(area, &run, 0);
  }
}

static void turn(const uint8_t *rows, size_t pitch, uint8_t *columns, size_t n) {
  for (size_t x = 0; x < n; x++)
    for (size_t r = 0; r < EDF_BLOCK; r++) columns[x * EDF_COLUMN + r] = rows[r * pitch + x];
}

/* Bytes that are summed at once: a number that compilers make vectors of. */
#define CHUNK 16

static void vertical(const uint8_t *const *rows, const edf_weights *weights, int32_t o, uint8_t *target,
                     size_t bytes) {
  const uint8_t *high = weights->high + (size_t)o * (size_t)weights->stride;
  const int16_t *low = weights->low + (size_t)o * (size_t)weights->stride;
  for (size_t from = 0; from < bytes; from += CHUNK) {
    int32_t sums[CHUNK] = {0};
    for (int32_t t = 0; t < weights->spans[o].count; t++) {
      const int32_t weight = high[t] * (1 << EDF_LOW_BITS) + low[t];
      const uint8_t *row = rows[t] + from;
      for (size_t i = 0; i < CHUNK; i++) sums[i] += weight * row[i];
    }
    for (size_t i = 0; i < CHUNK; i++)
      target[from + i] = clip((sums[i] + (1 << (EDF_PRECISION - 1))) >> EDF_PRECISION);
  }
}

static void horizontal(const uint8_t *const *columns, const edf_weights *weights, int32_t size,
                       uint8_t *const *rows, size_t plane) {
  for (int32_t o = 0; o < size; o++) {
    uint8_t column[EDF_COLUMN];
    vertical(columns + weights->spans[o].first, weights, o, column, EDF_COLUMN);
    for (size_t i = 0; i < EDF_COLUMN; i++)
      rows[i % EDF_BLOCK][i / EDF_BLOCK * plane + (size_t)o] = column[i];
  }
}

static void halve_one(const edf_halving *job, const edf_weights *weights, int32_t o) {
  const size_t at = (size_t)o * (size_t)weights->stride;
  int32_t four[4];
  for (size_t t = 0; t < 4; t++) four[t] = weights->high[at + t] * (1 << EDF_LOW_BITS) + weights->low[at + t];
  for (size_t colour = 0; colour < 3; colour++) {
    const uint8_t *p = job->line + colour * job->plane + weights->spans[o].first;
    const int32_t sum = four[0] * p[0] + four[1] * p[1] + four[2] * p[2] + four[3] * p[3];
    job->target[colour * job->target_plane + (size_t)o] = clip((sum + (1 << (EDF_PRECISION - 1))) >> EDF_PRECISION);
  }
}

void edgedf_crop_halve_ends(const edf_halving *job, const edf_weights *weights) {
  halve_one(job, weights, 0);
  halve_one(job, weights, job->size - 1);
}

void edgedf_crop_join(const uint8_t *line, size_t plane, uint8_t *rgb, size_t n) {
  for (size_t i = 0; i < n; i++) {
    rgb[3 * i] = line[i];
    rgb[3 * i + 1] = line[plane + i];
    rgb[3 * i + 2] = line[2 * plane + i];
  }
}

const edf_crop_kernels edgedf_crop_portable = {
    split, convert_yuv, turn, horizontal, vertical, NULL, edgedf_crop_join};

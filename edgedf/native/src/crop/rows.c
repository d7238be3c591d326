/* Stored order is what memory likes, upright order is what the resize needs: a straight frame is read row by
 * row, a turned one in strips of EDF_BLOCK stored columns that are transposed on the way. */
#include "rows.h"

#include <string.h>

int32_t edf_upright_width(const edf_source *source) {
  return source->rotation % 180 == 0 ? source->width : source->height;
}

int32_t edf_upright_height(const edf_source *source) {
  return source->rotation % 180 == 0 ? source->height : source->width;
}

static const edf_matrix matrices[] = {
    {22970, -5638, -11700, 29032}, /* BT.601: 1.402, -0.344136, -0.714136, 1.772 */
    {25802, -3069, -7670, 30402},  /* BT.709: 1.5748, -0.187324, -0.468124, 1.8556 */
};

static void read_yuv(const edf_source *source, int32_t x, int32_t y, int32_t n, uint8_t *target) {
  const edf_view *view = &source->view;
  const size_t chroma_row = (size_t)(y / 2), chroma = (size_t)(x / 2);
  edf_yuv_run run = {view->pixels + (size_t)y * view->row + (size_t)x * view->step,
                     view->u + chroma_row * view->u_row + chroma * view->u_step,
                     view->v + chroma_row * view->v_row + chroma * view->v_step,
                     view->step,
                     view->u_step,
                     view->v_step,
                     matrices[view->matrix]};
  if (x % 2 != 0) { /* the second pixel of a pair; the loops below start at a first one */
    edf_portable_convert_yuv(&run, target, 1);
    if (n == 1) return;
    run.y += run.y_step;
    run.u += run.u_step;
    run.v += run.v_step;
    target += 4;
    n--;
  }
  source->kernels->convert_yuv(&run, target, (size_t)n);
}

/* Any pixel stride: rare, so plain. */
static void read_strided(const edf_view *view, const uint8_t *pixel, int32_t n, uint8_t *target) {
  const int bgra = view->format == EDGEDF_BGRA8888, gray = view->format == EDGEDF_GRAY8;
  for (int32_t i = 0; i < n; i++, pixel += view->step, target += 4) {
    target[0] = pixel[bgra ? 2 : 0];
    target[1] = pixel[gray ? 0 : 1];
    target[2] = pixel[bgra || gray ? 0 : 2];
    target[3] = 0;
  }
}

static void swap_red_blue(const uint8_t *source, int32_t n, uint8_t *target) {
  for (int32_t i = 0; i < 4 * n; i += 4) {
    target[i] = source[i + 2];
    target[i + 1] = source[i + 1];
    target[i + 2] = source[i];
    target[i + 3] = 0;
  }
}

/* n stored pixels from (x, y) on. */
static void read_stored(const edf_source *source, int32_t x, int32_t y, int32_t n, uint8_t *target) {
  const edf_view *view = &source->view;
  if (edf_format_is_yuv(view->format)) {
    read_yuv(source, x, y, n, target);
    return;
  }
  const uint8_t *pixels = view->pixels + (size_t)y * view->row + (size_t)x * view->step;
  if (view->format == EDGEDF_RGBA8888 && view->step == 4)
    memcpy(target, pixels, (size_t)n * 4);
  else if (view->format == EDGEDF_RGB888 && view->step == 3)
    source->kernels->expand_rgb(pixels, target, (size_t)n);
  else if (view->format == EDGEDF_BGRA8888 && view->step == 4)
    swap_red_blue(pixels, n, target);
  else
    read_strided(view, pixels, n, target);
}

static void reverse(uint8_t *pixels, int32_t n) {
  for (int32_t i = 0, k = n - 1; i < k; i++, k--) {
    uint32_t a, b;
    memcpy(&a, pixels + 4 * i, 4);
    memcpy(&b, pixels + 4 * k, 4);
    memcpy(pixels + 4 * i, &b, 4);
    memcpy(pixels + 4 * k, &a, 4);
  }
}

/* target[c] gets column c of four rows of four-byte pixels, at pixel `at`. */
static void transpose_four(const uint8_t *scratch, size_t pitch, int32_t columns, int32_t rows, int flip,
                           uint8_t *const *targets, size_t at) {
  for (int32_t c = 0; c < columns; c++) {
    uint8_t *target = targets[flip ? columns - 1 - c : c] + 4 * at;
    for (int32_t r = 0; r < rows; r++) memcpy(target + 4 * r, scratch + (size_t)r * pitch + 4 * (size_t)c, 4);
  }
}

static void read_turned(const edf_source *source, int32_t left, int32_t columns, int32_t top, int32_t count,
                        uint8_t *const *rows, uint8_t *scratch) {
  /* Rotation 90: stored x = upright y, stored y = height - 1 - upright x; 270: the other way round.
   * Mirroring turns upright x round. */
  const int down = (source->rotation == 270) != (source->mirrored != 0);
  const int flip = source->rotation == 270;
  const int32_t stored_x = flip ? source->width - top - count : top;
  const size_t pitch = 4 * EDF_BLOCK;
  for (int32_t x = 0; x < columns; x += 4) {
    const int32_t rows_now = columns - x < 4 ? columns - x : 4;
    for (int32_t r = 0; r < rows_now; r++) {
      const int32_t upright_x = left + x + r;
      const int32_t stored_y = down ? upright_x : source->height - 1 - upright_x;
      read_stored(source, stored_x, stored_y, count, scratch + (size_t)r * pitch);
    }
    transpose_four(scratch, pitch, count, rows_now, flip, rows, (size_t)x);
  }
}

void edf_rows_read(const edf_source *source, int32_t left, int32_t columns, int32_t top, int32_t count,
                   uint8_t *const *rows, uint8_t *scratch) {
  if (source->rotation % 180 != 0) {
    read_turned(source, left, columns, top, count, rows, scratch);
    return;
  }
  const int upside_down = source->rotation == 180;
  const int backwards = upside_down != (source->mirrored != 0);
  const int32_t stored_x = backwards ? source->width - left - columns : left;
  for (int32_t i = 0; i < count; i++) {
    const int32_t y = upside_down ? source->height - 1 - (top + i) : top + i;
    read_stored(source, stored_x, y, columns, rows[i]);
    if (backwards) reverse(rows[i], columns);
  }
}

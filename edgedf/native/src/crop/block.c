/* Stored order is what memory likes: an upright frame is read row by row and turned by the kernels; a frame that
 * lies on its side is stored in columns already, so a run of EDF_BLOCK stored pixels is one column. */
#include "block.h"

int32_t edgedf_crop_upright_width(const edf_source *source) {
  return source->rotation % 180 == 0 ? source->width : source->height;
}

int32_t edgedf_crop_upright_height(const edf_source *source) {
  return source->rotation % 180 == 0 ? source->height : source->width;
}

/* One more for a chroma pair's first pixel, and what the last tile writes too much. */
size_t edgedf_crop_block_bytes(size_t columns) { return (columns + 1 + EDF_TILE) * EDF_COLUMN; }

void edgedf_crop_read_area(const edf_source *source, const edf_area *area) {
  const int packed = area->view->step == 3 || area->view->step == 4;
  if (edgedf_crop_is_yuv(area->view->format))
    source->kernels->convert_yuv(area);
  else if (packed && area->view->format != EDGEDF_GRAY8)
    source->kernels->split(area);
  else
    edgedf_crop_portable.split(area);
}

/* Whether upright x runs against stored x, for a frame that does not lie on its side. */
static int is_backwards(const edf_source *source) { return (source->rotation == 180) != (source->mirrored != 0); }

/* Pixels that are read before the first one that is wanted, so that a chroma pair is whole. */
static int32_t skip_of(const edf_source *source, int32_t x) {
  return edgedf_crop_is_yuv(source->view.format) ? x % 2 : 0;
}

void edgedf_crop_block_table(const edf_source *source, int32_t left, int32_t columns, const edf_block_buffers *to) {
  const int turned = source->rotation % 180 != 0, backwards = !turned && is_backwards(source);
  const int32_t skip = turned ? 0 : skip_of(source, backwards ? source->width - left - columns : left);
  for (int32_t i = 0; i < columns; i++)
    to->table[i] = to->columns + (size_t)(skip + (backwards ? columns - 1 - i : i)) * EDF_COLUMN;
}

/* `rows` stored rows, each one `down` below the one before, to n columns that begin at stored column x. */
static void read_upright(const edf_source *source, int32_t x, int32_t y, int32_t down, int32_t rows, size_t n,
                         const edf_block_buffers *to) {
  edf_area area = {&source->view, x, y, down, rows, 0, to->scratch, 3 * EDF_STRIP_PITCH, EDF_STRIP_PITCH};
  for (size_t done = 0; done < n; done += area.n) {
    /* The last strip may be a little longer, so that none is too short for whole vectors. */
    area.x = x + (int32_t)done;
    area.n = n - done <= EDF_STRIP + 32 ? n - done : EDF_STRIP;
    edgedf_crop_read_area(source, &area);
    for (size_t colour = 0; colour < 3; colour++)
      source->kernels->turn(to->scratch + colour * EDF_STRIP_PITCH, area.target_row,
                            to->columns + done * EDF_COLUMN + colour * EDF_BLOCK, area.n);
  }
}

static edf_block block_upright(const edf_source *source, int32_t left, int32_t columns, int32_t top, int32_t rows,
                               const edf_block_buffers *to) {
  const int upside_down = source->rotation == 180;
  const int32_t x = is_backwards(source) ? source->width - left - columns : left, skip = skip_of(source, x);
  const edf_block block = {top, rows < EDF_BLOCK ? rows : EDF_BLOCK, 0, 1};
  read_upright(source, x - skip, upside_down ? source->height - 1 - top : top, upside_down ? -1 : 1, block.count,
               (size_t)(columns + skip), to);
  return block;
}

/* Rotation 90: stored x = upright y, stored y = height - 1 - upright x; 270: the other way round. Mirroring turns
 * upright x round. */
static edf_block block_sideways(const edf_source *source, int32_t left, int32_t columns, int32_t top, int32_t rows,
                                const edf_block_buffers *to) {
  const int down = (source->rotation == 270) != (source->mirrored != 0);
  const int flip = source->rotation == 270, yuv = edgedf_crop_is_yuv(source->view.format);
  edf_block block = {top, rows < EDF_BLOCK ? rows : EDF_BLOCK, 0, flip ? -1 : 1};
  int32_t x = flip ? source->width - top - block.count : top;
  if (yuv && x % 2 != 0 && block.count == EDF_BLOCK) { /* no room for the pair's first pixel */
    block.count--;
    x += flip;
  }
  const int32_t skip = yuv ? x % 2 : 0, most = source->width - (x - skip);
  block.place = skip + (flip ? block.count - 1 : 0);
  const edf_area area = {&source->view, x - skip, down ? left : source->height - 1 - left, down ? 1 : -1, columns,
                         (size_t)(most < EDF_BLOCK ? most : EDF_BLOCK), to->columns, EDF_COLUMN, EDF_BLOCK};
  edgedf_crop_read_area(source, &area);
  return block;
}

edf_block edgedf_crop_block_read(const edf_source *source, int32_t left, int32_t columns, int32_t top,
                                 int32_t rows, const edf_block_buffers *buffers) {
  if (source->rotation % 180 == 0) return block_upright(source, left, columns, top, rows, buffers);
  return block_sideways(source, left, columns, top, rows, buffers);
}

/* Blocks of the upright image, turned to columns, out of a frame stored in any format and rotation. */
#ifndef EDF_CROP_BLOCK_H
#define EDF_CROP_BLOCK_H

#include "crop_kernels.h"
#include "frame.h"

typedef struct edf_source {
  edf_view view;
  const edf_crop_kernels *kernels;
  int32_t width, height;  /* of the stored frame */
  int32_t rotation, mirrored;
} edf_source;

/* Buffers that blocks are read into. */
typedef struct edf_block_buffers {
  uint8_t *columns;       /* edgedf_crop_block_bytes of them */
  const uint8_t **table;  /* the columns that are read, from left to right */
  uint8_t *scratch;       /* EDF_SCRATCH bytes */
} edf_block_buffers;

/* What was read: upright row `first_row + i` is row `place + i * step` of every column. */
typedef struct edf_block {
  int32_t first_row, count; /* count: 1..EDF_BLOCK */
  int32_t place, step;      /* step: 1 or -1 */
} edf_block;

/* Pixels of a row that are read and turned together; with what may follow them. */
#define EDF_STRIP 256
#define EDF_STRIP_PITCH (EDF_STRIP + 64)
#define EDF_SCRATCH (3 * EDF_BLOCK * EDF_STRIP_PITCH)

/* Size of the upright image. */
int32_t edgedf_crop_upright_width(const edf_source *source);
int32_t edgedf_crop_upright_height(const edf_source *source);

/* Bytes of the column buffer for `columns` columns. */
size_t edgedf_crop_block_bytes(size_t columns);

/* Where upright columns left .. left + columns - 1 lie in the column buffer, the same for all their blocks. */
void edgedf_crop_block_table(const edf_source *source, int32_t left, int32_t columns, const edf_block_buffers *to);

/* Read an area with the loop that suits the format. */
void edgedf_crop_read_area(const edf_source *source, const edf_area *area);

/* Read upright columns left .. left + columns - 1 of the rows from `top` on, at most `rows` of them; all lie
 * inside the image. */
edf_block edgedf_crop_block_read(const edf_source *source, int32_t left, int32_t columns, int32_t top,
                                 int32_t rows, const edf_block_buffers *buffers);

#endif

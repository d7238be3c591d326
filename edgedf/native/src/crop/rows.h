/* Rows of the upright image as four-byte pixels, out of a frame stored in any format and rotation. */
#ifndef EDF_CROP_ROWS_H
#define EDF_CROP_ROWS_H

#include "crop_kernels.h"
#include "frame.h"

/* Upright rows that edf_rows_read takes at most at once. */
#define EDF_BLOCK 32

typedef struct edf_source {
  edf_view view;
  const edf_crop_kernels *kernels;
  int32_t width, height;  /* of the stored frame */
  int32_t rotation, mirrored;
} edf_source;

/* Size of the upright image. */
int32_t edf_upright_width(const edf_source *source);
int32_t edf_upright_height(const edf_source *source);

/* Upright pixels (left .. left + columns, top .. top + count) to rows[0 .. count); all inside the image,
 * count at most EDF_BLOCK. `scratch`: four-byte pixels, 4 * EDF_BLOCK of them. */
void edf_rows_read(const edf_source *source, int32_t left, int32_t columns, int32_t top, int32_t count,
                   uint8_t *const *rows, uint8_t *scratch);

#endif

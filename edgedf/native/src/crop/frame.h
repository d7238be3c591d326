/* A frame's bytes, checked: after edgedf_crop_frame_check every access below is inside the planes. */
#ifndef EDF_CROP_FRAME_H
#define EDF_CROP_FRAME_H

#include "edgedf/crop.h"

/* Where a frame's samples lie. For packed formats only `pixels` is used; for YUV, `pixels` is Y. */
typedef struct edf_view {
  const uint8_t *pixels, *u, *v;
  size_t row, step;               /* strides of `pixels` in bytes */
  size_t u_row, v_row;            /* chroma strides in bytes */
  size_t u_step, v_step;
  int32_t format, matrix;
} edf_view;

edgedf_crop_status edgedf_crop_frame_check(const edgedf_frame *frame, edf_view *view);

int edgedf_crop_is_yuv(int32_t format);

#endif

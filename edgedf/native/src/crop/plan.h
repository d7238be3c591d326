/* Where everything lies in the workspace. */
#ifndef EDF_CROP_PLAN_H
#define EDF_CROP_PLAN_H

#include "block.h"

typedef struct edf_plan {
  edf_weights weights;
  int32_t ring_rows;
  size_t plane, line_bytes;  /* bytes of one colour of a resized row, and of the row with its slack */
  edf_block_buffers buffers; /* its table has the columns of the image, repeated edges around them */
  const uint8_t **table;     /* a column for every pixel across the square */
  uint8_t *ring;             /* ring_rows lines, and one that nobody reads */
  uint8_t *line, *packed;
  const uint8_t **window;    /* the ring rows that one output row needs */
} edf_plan;

/* Lay the plan out in `workspace`, which has the bytes that edgedf_crop_workspace says. */
void edgedf_crop_plan(edf_plan *plan, void *workspace, int32_t side, int32_t size);

#endif

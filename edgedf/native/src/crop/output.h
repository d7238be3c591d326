/* A finished row of the crop to the layout that the caller wants. */
#ifndef EDF_CROP_OUTPUT_H
#define EDF_CROP_OUTPUT_H

#include "crop_kernels.h"

/* `line`: row `y` of the crop, its colours `plane` bytes apart. `output`: an edgedf_crop_output. `packed`: room
 * for 3 * size bytes. */
void edgedf_crop_output_row(const edf_crop_kernels *kernels, const uint8_t *line, size_t plane, int32_t y,
                            int32_t size, int32_t output, uint8_t *packed, void *target);

#endif

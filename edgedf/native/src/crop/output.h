/* A finished row of the crop, packed RGB bytes, to the layout that the caller wants. */
#ifndef EDF_CROP_OUTPUT_H
#define EDF_CROP_OUTPUT_H

#include <stdint.h>

/* `line`: size * 3 bytes, row `y` of the crop. `output`: an edgedf_crop_output. */
void edf_output_row(const uint8_t *line, int32_t y, int32_t size, int32_t output, void *target);

#endif

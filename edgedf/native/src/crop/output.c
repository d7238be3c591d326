#include "output.h"

#include <string.h>

#include "edgedf/crop.h"

static void to_planes(const uint8_t *line, float *red, size_t plane, size_t n) {
  for (size_t i = 0; i < n; i++) red[i] = line[3 * i];
  for (size_t i = 0; i < n; i++) red[plane + i] = line[3 * i + 1];
  for (size_t i = 0; i < n; i++) red[2 * plane + i] = line[3 * i + 2];
}

void edf_output_row(const uint8_t *line, int32_t y, int32_t size, int32_t output, void *target) {
  const size_t n = (size_t)size, at = (size_t)y * n;
  if (output == EDGEDF_CROP_U8_NHWC) {
    memcpy((uint8_t *)target + 3 * at, line, 3 * n);
  } else if (output == EDGEDF_CROP_F32_NHWC) {
    float *row = (float *)target + 3 * at;
    for (size_t i = 0; i < 3 * n; i++) row[i] = line[i];
  } else {
    to_planes(line, (float *)target + at, n * n, n);
  }
}

edgedf_crop_status edgedf_crop_output_bytes(int32_t size, int32_t output, size_t *bytes) {
  if (bytes == NULL) return EDGEDF_CROP_NULL;
  if (size < 1 || size > EDGEDF_CROP_MAX_SIZE) return EDGEDF_CROP_BAD_SIZE;
  if (output < EDGEDF_CROP_U8_NHWC || output > EDGEDF_CROP_F32_NCHW) return EDGEDF_CROP_BAD_OUTPUT;
  *bytes = (size_t)size * (size_t)size * 3 * (output == EDGEDF_CROP_U8_NHWC ? 1 : sizeof(float));
  return EDGEDF_CROP_OK;
}

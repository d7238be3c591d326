#include "output.h"

#include "edgedf/crop.h"

static void to_floats(const uint8_t *restrict bytes, float *restrict floats, size_t n) {
  for (size_t i = 0; i < n; i++) floats[i] = bytes[i];
}

void edgedf_crop_output_row(const edf_crop_kernels *kernels, const uint8_t *line, size_t plane, int32_t y,
                            int32_t size, int32_t output, uint8_t *packed, void *target) {
  const size_t n = (size_t)size, at = (size_t)y * n;
  if (output == EDGEDF_CROP_U8_NHWC) {
    kernels->join(line, plane, (uint8_t *)target + 3 * at, n);
    return;
  }
  float *floats = (float *)target + at;
  size_t next = n * n; /* from one colour, or third of a packed row, to the next */
  if (output == EDGEDF_CROP_F32_NHWC) {
    kernels->join(line, plane, packed, n);
    line = packed;
    plane = next = n;
    floats += 2 * at;
  }
  for (size_t colour = 0; colour < 3; colour++) to_floats(line + colour * plane, floats + colour * next, n);
}

edgedf_crop_status edgedf_crop_output_bytes(int32_t size, int32_t output, size_t *bytes) {
  if (bytes == NULL) return EDGEDF_CROP_NULL;
  if (size < 1 || size > EDGEDF_CROP_MAX_SIZE) return EDGEDF_CROP_BAD_SIZE;
  if (output < EDGEDF_CROP_U8_NHWC || output > EDGEDF_CROP_F32_NCHW) return EDGEDF_CROP_BAD_OUTPUT;
  *bytes = (size_t)size * (size_t)size * 3 * (output == EDGEDF_CROP_U8_NHWC ? 1 : sizeof(float));
  return EDGEDF_CROP_OK;
}

/* The text of every status. */
#include "edgedf/crop.h"

const char *edgedf_crop_status_text(int32_t status) {
  static const char *const texts[] = {
      "no error",
      "a required pointer is NULL",
      "the pixel format is unknown",
      "width or height is not in 1..65536",
      "a row stride is negative or smaller than the bytes of a row",
      "a plane has fewer bytes than its strides promise",
      "rotation is not 0, 90, 180 or 270, or mirrored is not 0 or 1",
      "the colour matrix is unknown",
      "the box is not finite, or empty, or too large",
      "the crop square is larger than 32768 pixels",
      "box_scale is not inside (0, 16]",
      "the crop's size is not in 1..4096",
      "the output layout is unknown",
      "the output has too few bytes",
      "a float output is not aligned to 4 bytes",
      "the workspace has too few bytes",
      "the request's reserved field is not 0, or it leaves out an unknown instruction set",
      "a pixel stride is negative or smaller than the bytes of a pixel",
      "a row stride is larger than 2^40 bytes",
      "a pixel stride is larger than 2^23 bytes",
  };
  const int32_t count = (int32_t)(sizeof texts / sizeof texts[0]);
  return status >= 0 && status < count ? texts[status] : "unknown status";
}

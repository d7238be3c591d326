/* Property: the functions that only compute numbers accept any number, and what they accept is in range. */
#include <stdlib.h>
#include <string.h>

#include "edgedf/crop.h"

static void check(int condition) {
  if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct {
    edgedf_box box;
    double scale;
    int32_t side, size, output, status;
  } in;
  memset(&in, 0, sizeof in);
  memcpy(&in, data, size < sizeof in ? size : sizeof in);
  edgedf_square square = {0, 0, 0};
  if (edgedf_crop_square(&in.box, in.scale, &square) == EDGEDF_CROP_OK)
    check(square.side >= 1 && square.side <= EDGEDF_CROP_MAX_SIDE && square.left > -3000000 &&
          square.left < 3000000 && square.top > -3000000 && square.top < 3000000);
  size_t bytes = 0;
  if (edgedf_crop_workspace(in.side, in.size, &bytes) == EDGEDF_CROP_OK) check(bytes > 0 && bytes < 1u << 30);
  if (edgedf_crop_output_bytes(in.size, in.output, &bytes) == EDGEDF_CROP_OK) check(bytes >= 3);
  check(edgedf_crop_status_text(in.status) != NULL);
  check(edgedf_crop_square(NULL, in.scale, &square) == EDGEDF_CROP_NULL);
  return 0;
}

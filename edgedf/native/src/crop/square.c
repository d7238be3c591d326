/* From a face box to the crop square: the only place where this rule is written. */
#include "edgedf/crop.h"

#define MAX_BOX 1e6
#define MAX_SCALE 16.0

/* False for NaN and infinities, which fail every comparison or exceed the limit. */
static int within(double value, double limit) { return value >= -limit && value <= limit; }

/* floor() without libm; |value| is far below 2^31 here. */
static int32_t floor_to_int(double value) {
  int32_t whole = (int32_t)value;
  return (double)whole > value ? whole - 1 : whole;
}

edgedf_crop_status edgedf_crop_square(const edgedf_box *box, double box_scale, edgedf_square *square) {
  if (box == NULL || square == NULL) return EDGEDF_CROP_NULL;
  if (!within(box->x, MAX_BOX) || !within(box->y, MAX_BOX) || !within(box->width, MAX_BOX) ||
      !within(box->height, MAX_BOX) || box->width <= 0 || box->height <= 0)
    return EDGEDF_CROP_BAD_BOX;
  if (!within(box_scale, MAX_SCALE) || box_scale <= 0) return EDGEDF_CROP_BAD_SCALE;
  const double longer = box->width > box->height ? box->width : box->height;
  const int32_t rounded = floor_to_int(box_scale * longer + 0.5);
  const int32_t side = rounded < 1 ? 1 : rounded;
  if (side > EDGEDF_CROP_MAX_SIDE) return EDGEDF_CROP_BOX_TOO_LARGE;
  const double half = (double)side / 2;
  square->left = floor_to_int(box->x + box->width / 2 - half + 0.5);
  square->top = floor_to_int(box->y + box->height / 2 - half + 0.5);
  square->side = side;
  return EDGEDF_CROP_OK;
}

/* From a face box to the crop square: the only place where this rule is written. */
#include "edgedf/crop.h"
#include "exact.h"

#define MAX_BOX 1e6
#define MAX_SCALE 16.0

/* False for NaN and infinities, which fail every comparison or exceed the limit. */
static int within(double value, double limit) { return value >= -limit && value <= limit; }

/* floor() without libm; |value| is far below 2^31 here. */
static int32_t floor_to_int(double value) {
  int32_t whole = (int32_t)value;
  return (double)whole > value ? whole - 1 : whole;
}

/* Where a square of 2 * half pixels begins on the centre of start .. start + length. */
static int32_t begin_of(double start, double length, double half) {
  const double center = start + length / 2;
  const double begin = center - half;
  return floor_to_int(begin + 0.5);
}

edgedf_crop_status edgedf_crop_square(const edgedf_box *box, double box_scale, edgedf_square *square) {
  if (box == NULL || square == NULL) return EDGEDF_CROP_NULL;
  if (!within(box->x, MAX_BOX) || !within(box->y, MAX_BOX) || !within(box->width, MAX_BOX) ||
      !within(box->height, MAX_BOX) || box->width <= 0 || box->height <= 0)
    return EDGEDF_CROP_BAD_BOX;
  if (!within(box_scale, MAX_SCALE) || box_scale <= 0) return EDGEDF_CROP_BAD_SCALE;
  const double longer = box->width > box->height ? box->width : box->height;
  const double scaled = box_scale * longer; /* a statement of its own: one rounding */
  const int32_t rounded = floor_to_int(scaled + 0.5);
  const int32_t side = rounded < 1 ? 1 : rounded;
  if (side > EDGEDF_CROP_MAX_SIDE) return EDGEDF_CROP_BOX_TOO_LARGE;
  const double half = (double)side / 2;
  square->left = begin_of(box->x, box->width, half);
  square->top = begin_of(box->y, box->height, half);
  square->side = side;
  return EDGEDF_CROP_OK;
}

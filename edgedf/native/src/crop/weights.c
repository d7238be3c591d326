/* Pillow computes each weight as a double, normalises, and rounds to 22 bits; the operations here are the
 * same ones in the same order, one rounding per statement, so the integers are the same. */
#include "weights.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2") /* -O3 makes four times the code of these loops and no less time */
#endif
#include "exact.h"

/* Half the filter's width in source pixels: 1 when enlarging, side / size when shrinking. */
static double support_of(int32_t side, int32_t size) {
  const double scale = (double)side / size;
  return scale < 1.0 ? 1.0 : scale;
}

int32_t edgedf_crop_weights_stride(int32_t side, int32_t size) {
  /* The window is 2 * support wide and its two ends are rounded. */
  int32_t most = (int32_t)(2.0 * support_of(side, size)) + 2;
  if (most > side) most = side;
  return (most + 3) / 4 * 4;
}

/* The filter's height at source pixel `pixel`, which is 1 at the centre and 0 at 1 / per_pixel from it. */
static double triangle(int32_t pixel, double center, double per_pixel) {
  const double from_center = pixel - center;
  const double middle = from_center + 0.5;
  const double scaled = middle * per_pixel;
  const double x = scaled < 0.0 ? -scaled : scaled;
  return x < 1.0 ? 1.0 - x : 0.0;
}

static edf_span span_of(double center, double support, int32_t side) {
  const double left = center - support, right = center + support;
  int32_t first = (int32_t)(left + 0.5);
  if (first < 0) first = 0;
  int32_t end = (int32_t)(right + 0.5);
  if (end > side) end = side;
  const edf_span span = {first, end - first};
  return span;
}

/* The weight of source pixel `pixel`: its share of `sum`, as Pillow rounds it. */
static int32_t weight_of(int32_t pixel, double center, double per_pixel, double sum) {
  double share = triangle(pixel, center, per_pixel);
  if (sum != 0.0) share /= sum;
  const double scaled = share * (1 << EDF_PRECISION);
  return (int32_t)(0.5 + scaled);
}

#define IS_PAIR 1
#define IS_SHORT 2

/* The weights of one output as their high and low parts; what follows them is 0. Returns what holds of them. */
static int fill_span(edf_span span, double center, double per_pixel, uint8_t *high, int16_t *low) {
  double sum = 0.0;
  for (int32_t t = 0; t < span.count; t++) sum += triangle(span.first + t, center, per_pixel);
  int32_t pair[2] = {0, 0}, lows = 0;
  for (int32_t t = 0; t < span.count; t++) {
    int32_t weight = weight_of(span.first + t, center, per_pixel, sum);
    if (t < 2) pair[t] = weight;
    /* The whole weight of a single pixel has one bit too many; without its last unit it rounds to the same byte. */
    if (weight == 1 << EDF_PRECISION) weight--;
    high[t] = (uint8_t)(weight >> EDF_LOW_BITS);
    low[t] = (int16_t)(weight & ((1 << EDF_LOW_BITS) - 1));
    lows |= low[t];
  }
  const int is_pair = span.count <= 2 && pair[0] > 0 && pair[0] + pair[1] == 1 << EDF_PRECISION && pair[1] % 128 == 0;
  return (is_pair ? IS_PAIR : 0) | (lows == 0 && span.count % 4 == 0 ? IS_SHORT : 0);
}

void edgedf_crop_weights_fill(edf_weights *weights, int32_t side, int32_t size) {
  const double scale = (double)side / size;
  const double support = support_of(side, size);
  const double per_pixel = 1.0 / support;
  weights->pairs = 1;
  weights->short_first = weights->short_end = 0;
  for (size_t i = 0; i < (size_t)weights->stride * (size_t)size; i++) weights->high[i] = 0, weights->low[i] = 0;
  for (int32_t o = 0; o < size; o++) {
    const double center = (o + 0.5) * scale;
    const edf_span span = span_of(center, support, side);
    const size_t at = (size_t)o * (size_t)weights->stride;
    const int holds = fill_span(span, center, per_pixel, weights->high + at, weights->low + at);
    weights->spans[o] = span;
    weights->pairs &= holds & IS_PAIR;
    if ((holds & IS_SHORT) == 0) continue;
    if (weights->short_end != o) weights->short_first = o;
    weights->short_end = o + 1;
  }
}

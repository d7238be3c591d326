/* The triangle filter's fixed-point weights for one resize of `side` pixels to `size`. */
#ifndef EDF_CROP_WEIGHTS_H
#define EDF_CROP_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

/* A sum of weight * byte is divided by 2^EDF_PRECISION, rounded. */
#define EDF_PRECISION 22

/* The source pixels of one output pixel: first, first + 1, ... first + count - 1. */
typedef struct edf_span {
  int32_t first, count;
} edf_span;

/* Weight t of output o is high[o * stride + t] * 2^EDF_LOW_BITS + low[o * stride + t]; weights from `count` to
 * `stride` are zero; stride is a multiple of 4. The weights of an output add up to 2^22 and at most count / 2 more,
 * so the high parts add up to at most 128: sums of high * byte stay below 2^15. */
#define EDF_LOW_BITS 15

typedef struct edf_weights {
  edf_span *spans; /* size of them */
  uint8_t *high;   /* size * stride of them, 0..127 */
  int16_t *low;    /* as many, 0..2^15 - 1 */
  int32_t stride;
  /* 1 if every output is one pixel or a mix of two whose second weight is a multiple of 2^7 and the first its
   * complement: so when enlarging to a size that is a power of two. */
  int32_t pairs;
  /* Outputs short_first .. short_end - 1 have no low parts, and a multiple of 4 pixels: so, but near the edges,
   * when shrinking by 2, 4 or 8. */
  int32_t short_first, short_end;
} edf_weights;

/* The stride for this resize: the most source pixels of any output, rounded up to 4. */
int32_t edgedf_crop_weights_stride(int32_t side, int32_t size);

/* Fill in all but `stride`; which is set already. */
void edgedf_crop_weights_fill(edf_weights *weights, int32_t side, int32_t size);

/* Whether the low parts of output `o` are all 0. */
static inline int edgedf_crop_weights_are_short(const edf_weights *weights, int32_t o) {
  return o >= weights->short_first && o < weights->short_end;
}

/* Where `pairs` holds: the second pixel's share of output `o`, in 1/2^15, below 2^15. */
static inline int16_t edgedf_crop_weights_share(const edf_weights *weights, int32_t o) {
  const size_t at = (size_t)o * (size_t)weights->stride + 1;
  return (int16_t)((weights->high[at] * (1 << EDF_LOW_BITS) + weights->low[at]) >> 7);
}

#endif

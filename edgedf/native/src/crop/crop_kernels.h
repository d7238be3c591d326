/* The inner loops, one table of functions per instruction set. crop_portable.c is the definition; every other
 * variant gives the same bytes. Pixels in between are four bytes, R G B and one that means nothing. */
#ifndef EDF_CROP_KERNELS_H
#define EDF_CROP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "weights.h"

/* Rows that `horizontal` does at once. */
#define EDF_ROWS 4
/* Kernels may write this many bytes beyond the last one of a packed row, and read as many. */
#define EDF_SLACK 64

/* Colour formula, in 1/16384: R = Y + rv * (V - 128), G = Y + gu * (U - 128) + gv * (V - 128), ... */
typedef struct edf_matrix {
  int16_t rv, gu, gv, bu;
} edf_matrix;

/* One run of a YUV row that starts at an even column. */
typedef struct edf_yuv_run {
  const uint8_t *y, *u, *v;
  size_t y_step, u_step, v_step;
  edf_matrix matrix;
} edf_yuv_run;

typedef struct edf_crop_kernels {
  /* n pixels of packed RGB to four-byte pixels. */
  void (*expand_rgb)(const uint8_t *source, uint8_t *target, size_t n);
  void (*convert_yuv)(const edf_yuv_run *run, uint8_t *target, size_t n);
  /* `size` output pixels from each of EDF_ROWS rows of four-byte pixels, to packed RGB. Rows are readable for
   * weights->stride pixels from every span's first one. */
  void (*horizontal)(const uint8_t *const *rows, uint8_t *const *targets, const edf_weights *weights,
                     int32_t size);
  /* target[i] = the weighted sum of rows[0..count)[i], for i in 0..bytes. count may be odd. */
  void (*vertical)(const uint8_t *const *rows, const int16_t *high, const int16_t *low, int32_t count,
                   uint8_t *target, size_t bytes);
} edf_crop_kernels;

/* The best table of this processor, leaving out the instruction sets in `without` (edgedf_cpu bits). */
const edf_crop_kernels *edf_crop_kernels_get(uint32_t without);

extern const edf_crop_kernels edf_crop_portable;

void edf_portable_expand_rgb(const uint8_t *source, uint8_t *target, size_t n);
void edf_portable_convert_yuv(const edf_yuv_run *run, uint8_t *target, size_t n);

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#define EDF_X86 1
extern const edf_crop_kernels edf_crop_sse41, edf_crop_avx2;
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define EDF_NEON 1
extern const edf_crop_kernels edf_crop_neon;
#endif

#endif

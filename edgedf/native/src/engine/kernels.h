/* The inner loops, one table of functions per instruction set.
 *
 * All of them see planes as one flat row of floats: an output position i is bias + sum of
 * weight[k] * source[i + offset[k]]. Positions between the rows of a plane are computed too and thrown
 * away; that is cheaper than a remainder loop per row, and lets a 7x7 plane fill whole registers. */
#ifndef EDF_KERNELS_H
#define EDF_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* One nonzero weight: where its input lies relative to the output position, in floats. */
typedef struct edgedf_tap {
  int32_t offset;
  float weight;
} edgedf_tap;

/* EDF_BOUNDED: some clamp has a finite upper bound; without it a clamp is a ReLU or the like. */
enum { EDF_CLAMP_BEFORE = 1, EDF_AFFINE = 2, EDF_CLAMP_AFTER = 4, EDF_BOUNDED = 8 };

/* What happens to a finished sum while it is still in a register, in this order. What `flags` leaves out is
 * set to do nothing: bounds infinite, scale 1, shift 0. */
typedef struct edgedf_epilogue {
  uint32_t flags;
  float low_before, high_before, scale, shift, low_after, high_after;
} edgedf_epilogue;

/* Kernels may read and write this many floats beyond the last position they are asked for. */
#define EDF_OVERRUN 256u
/* Most output channels that a dense kernel computes together. */
#define EDF_MAX_BLOCK 8u

/* Sums that a max pool with a square window, moved by its own width, brings together at once. */
typedef struct edgedf_pooling {
  const float *source; /* where the first sum's taps begin */
  size_t row;          /* floats between rows of the source */
  float *target;       /* `rows` rows of `width` maxima, `target_row` floats apart; nothing else is written */
  size_t target_row, rows, width;
  uint32_t window;     /* 2 or 4 */
} edgedf_pooling;

typedef struct edgedf_kernels {
  const char *name;
  uint32_t lanes; /* sums per register */
  uint32_t block; /* output channels per call of `dense` */
  /* Densities above this go to `dense` (see docs/native.md for the measurement). */
  float dense_above;
  /* target[0..n) = epilogue(start + bias + taps), and nothing beyond it. `start` has n floats and may be `target`;
   * NULL is zeros. */
  void (*sparse)(const float *source, float *target, size_t n, const edgedf_tap *taps, size_t count,
                 const float *start, float bias, const edgedf_epilogue *epilogue);
  /* Rows of epilogue(max over a window of bias + taps): a sum never leaves its register. */
  void (*sparse_pool)(const edgedf_pooling *pooling, const edgedf_tap *taps, size_t count, float bias,
                      const edgedf_epilogue *epilogue);
  /* `block` channels at once: weights[k * block + channel], channel c at target + c * stride. */
  void (*dense)(const float *source, float *target, size_t stride, size_t n, const int32_t *offsets,
                const float *weights, size_t count, const float *bias, const edgedf_epilogue *epilogues);
  /* sum of a[i] * b[i]. */
  float (*dot)(const float *a, const float *b, size_t n);
  /* RGB bytes to three rows of floats, each times scale[c] plus shift[c]. */
  void (*crop_row)(const uint8_t *rgb, size_t pixels, float *const rows[3], const float *scale,
                   const float *shift);
  /* target = max(a, b), element by element; target may be a. */
  void (*max_rows)(const float *a, const float *b, float *target, size_t n);
  /* target[x] = max of source[2x], source[2x + 1]: the second half of a 2x2 max pool. */
  void (*max_pairs)(const float *source, float *target, size_t n);
  /* even[x] = source[2x], odd[x] = source[2x + 1]. */
  void (*split_pairs)(const float *source, float *even, float *odd, size_t n);
  /* row = clamp(row + other, low, high). */
  void (*add_row)(float *row, const float *other, size_t n, float low, float high);
} edgedf_kernels;

extern const edgedf_kernels edgedf_kernels_portable;
#if defined(__x86_64__) && defined(__GNUC__)
#define EDF_HAVE_X86 1
extern const edgedf_kernels edgedf_kernels_avx2;
/* Leaving them out makes a program 32 kB smaller. */
#ifndef EDGEDF_WITHOUT_AVX512
#define EDF_HAVE_AVX512 1
extern const edgedf_kernels edgedf_kernels_avx512;
#endif
#endif
#if defined(__aarch64__)
#define EDF_HAVE_NEON 1
extern const edgedf_kernels edgedf_kernels_neon;
#endif

#endif

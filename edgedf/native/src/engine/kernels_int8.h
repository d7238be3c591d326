/* Convolutions in 8-bit integers, one table of functions per instruction set, all with the same bits.
 *
 * A quantised tensor has the layout of the float tensor it was made of, but each position holds the bytes of four
 * channels in one 32-bit word: channel 4g + j is byte j of plane g. So a kernel walks flat rows as the float kernels
 * do, and one word times a word of four weights is four multiplies. docs/native.md defines the arithmetic. */
#ifndef EDF_KERNELS_INT8_H
#define EDF_KERNELS_INT8_H

#include "kernels.h"

/* More weights per output than this could overflow a sum: 65536 * 255 * 127 < 2^31. */
#define EDF_INT8_MOST_WEIGHTS 65536u
/* Floats behind the words of a quantised tensor, of which the first two are its edgedf_levels. */
#define EDF_LEVELS_FLOATS 16u
/* Below this range a tensor is all zeros: its inverse would not be a float. */
#define EDF_LEAST_RANGE 7.88860905e-31f /* 2^-100 */
/* 1.5 * 2^23: a float from here to 2^24 has no fraction, so adding it rounds to the nearest integer, halves to even,
 * and leaves that integer in the low bits. */
#define EDF_ROUNDER 12582912.0f

/* A byte b stands for (b - zero) * step. */
typedef struct edgedf_levels {
  float step;
  int32_t zero; /* 0..255 */
} edgedf_levels;

/* How floats become bytes: x * inverse + shift, clamped to EDF_ROUNDER + 0..255, and the low byte of its bits. */
typedef struct edgedf_rounding {
  float inverse, shift;
} edgedf_rounding;

/* Sums of one block of output channels: of a strip, or of a part of one. */
typedef struct edgedf_int8_block {
  const uint32_t *source;
  float *target; /* channel c at target + c * stride; up to a whole vector beyond n may be written */
  size_t stride, n;
  const int32_t *offsets;  /* count: where the words lie relative to the output position */
  const uint32_t *weights; /* count * block * words */
  size_t count;
  uint32_t start[EDF_MAX_BLOCK]; /* of each sum, modulo 2^32 */
  float scale[EDF_MAX_BLOCK];    /* of a channel's sums */
  const float *bias;             /* block */
  const edgedf_epilogue *epilogues; /* block; all of each is done, whatever its flags */
} edgedf_int8_block;

typedef struct edgedf_int8_kernels {
  const char *name, *kernel; /* kernel: as edgedf_model_step says it */
  uint32_t block;  /* output channels per call of `conv`, at most EDF_MAX_BLOCK */
  uint32_t words;  /* 32-bit words per four weights: 1 (bytes), 2 (weights 0 and 2, then 1 and 3, as 16-bit numbers) */
  uint32_t centre; /* what stored bytes are too low by: 0, or 128 where they are signed */
  /* Widen [range[0], range[1]] to hold all of x; NaNs are passed over. */
  void (*widen)(const float *x, size_t n, float range[2]);
  /* Words to[0..n) of four planes, and nothing beyond them. */
  void (*quantise)(const edgedf_rounding *rounding, const float *const planes[4], uint32_t *to, size_t n);
  void (*conv)(const edgedf_int8_block *block);
} edgedf_int8_kernels;

/* What one name of edgedf_model_variant stands for. */
typedef struct edgedf_variant {
  const char *name;
  const edgedf_kernels *kernels;
  const edgedf_int8_kernels *int8; /* NULL: everything in float32 */
} edgedf_variant;

/* The variant of a name, or the best of this processor for NULL; 0 if there is none. */
int edgedf_find_variant(const char *name, edgedf_variant *found);

extern const edgedf_int8_kernels edgedf_int8_portable;
#ifdef EDF_HAVE_X86
extern const edgedf_int8_kernels edgedf_int8_avx2;
#endif
#ifdef EDF_HAVE_AVX512
extern const edgedf_int8_kernels edgedf_int8_vnni;
#endif
#ifdef EDF_HAVE_NEON
extern const edgedf_int8_kernels edgedf_int8_neon;
/* Compilers that can allow an instruction for some functions only; Apple's allow this one everywhere. */
#if defined(__ARM_FEATURE_DOTPROD) || (defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 8)
#define EDF_HAVE_DOT 1
extern const edgedf_int8_kernels edgedf_int8_dot;
/* Whether this processor has the dot-product instructions. */
int edgedf_has_dot(void);
#endif
#endif

#endif

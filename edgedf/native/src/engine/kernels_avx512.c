/* The inner loops for x86-64 with AVX-512 (F, BW, VL, DQ). Only reached when the processor has them. */
#include "kernels.h"

#ifdef EDF_HAVE_AVX512
#include "target_avx512.h"

#define V __m512
#define LANES 16
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPLAT(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define MAX(a, b) _mm512_max_ps(a, b)
#define MIN(a, b) _mm512_min_ps(a, b)
#define ADD(a, b) _mm512_add_ps(a, b)
#define TILE_MAX 12
#define POOL_TILE 8
#define BLOCK 8
#define BLOCK_TILE 3
#define VARIANT "avx512"
#define DENSE_ABOVE 0.5f
#define TABLE edgedf_kernels_avx512

#define STORE_PART(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1u), v)

static inline __m512 EVEN(__m512 a, __m512 b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return _mm512_permutex2var_ps(a, even, b);
}

static inline __m512 ODD(__m512 a, __m512 b) {
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_permutex2var_ps(a, odd, b);
}

#include "crop_row_x86.inc"
#include "kernels_simd.inc"
#include "target_end.h"
#endif
typedef int edgedf_kernels_avx512_is_not_empty;

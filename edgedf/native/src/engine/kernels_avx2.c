/* The inner loops for x86-64 with AVX2 and FMA. Only reached when the processor has both. */
#include "kernels.h"

#ifdef EDF_HAVE_X86
#include "target_avx2.h"

#define V __m256
#define LANES 8
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPLAT(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define MAX(a, b) _mm256_max_ps(a, b)
#define MIN(a, b) _mm256_min_ps(a, b)
#define ADD(a, b) _mm256_add_ps(a, b)
#define TILE_MAX 12
#define POOL_TILE 6
#define BLOCK 4
#define BLOCK_TILE 3
#define VARIANT "avx2"
#define DENSE_ABOVE 0.5f
#define TABLE edgedf_kernels_avx2

static inline __m256 in_order(__m256 halves) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(halves), 0xd8));
}

static inline __m256 EVEN(__m256 a, __m256 b) { return in_order(_mm256_shuffle_ps(a, b, 0x88)); }

static inline __m256 ODD(__m256 a, __m256 b) { return in_order(_mm256_shuffle_ps(a, b, 0xdd)); }

/* The maximum first, so that only one vector is put in order. */
#define PAIR_MAX(a, b) in_order(MAX(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd)))

#include "crop_row_x86.inc"
#include "kernels_simd.inc"
#include "target_end.h"
#endif
typedef int edgedf_kernels_avx2_is_not_empty;

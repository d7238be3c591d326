/* 8-bit convolutions for x86-64 with AVX2. The instruction that multiplies bytes saturates, so bytes and weights are
 * widened to 16 bits: one multiply-add takes bytes 0 and 2 of each word, one takes bytes 1 and 3. */
#include "kernels_int8.h"

#ifdef EDF_HAVE_X86
#include "target_avx2.h"

#define F __m256
#define I __m256i
#define LANES 8
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPLAT(x) _mm256_set1_ps(x)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define ADD(a, b) _mm256_add_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define MIN(a, b) _mm256_min_ps(a, b)
#define BITS(v) _mm256_castps_si256(v)
#define FLOATS(v) _mm256_cvtepi32_ps(v)
#define STORE_I(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define SPLAT_I(x) _mm256_set1_epi32(x)
#define OR(a, b) _mm256_or_si256(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define AND(a, b) _mm256_and_si256(a, b)
#define SHIFT(a, n) _mm256_slli_epi32(a, n)
#define INPUT halves
#define LOAD_INPUT(p) split_bytes(p)
#define WEIGHT halves
#define LOAD_WEIGHT(p) both_words(p)
#define DOT(sum, input, weight) add_products(sum, input, weight)
#define BLOCK 4
#define TILE 2
#define WORDS 2
#define CENTRE 0u
#define NAME "avx2"
#define TABLE edgedf_int8_avx2

typedef struct halves {
  __m256i even, odd; /* bytes 0 and 2, bytes 1 and 3 of each word */
} halves;

static inline halves split_bytes(const uint32_t *p) {
  __m256i words = _mm256_loadu_si256((const __m256i *)(const void *)p);
  return (halves){_mm256_and_si256(words, _mm256_set1_epi32(0x00ff00ff)), _mm256_srli_epi16(words, 8)};
}

static inline halves both_words(const uint32_t *p) {
  return (halves){_mm256_set1_epi32((int32_t)p[0]), _mm256_set1_epi32((int32_t)p[1])};
}

/* In this order and with one register between: compilers add up both products first, and then keep sums in memory. */
static inline __m256i add_products(__m256i sum, halves input, halves weight) {
  __m256i product;
  __asm__(
      "vpmaddwd %4, %2, %1\n\tvpaddd %1, %0, %0\n\t"
      "vpmaddwd %5, %3, %1\n\tvpaddd %1, %0, %0"
      : "+&x"(sum), "=&x"(product)
      : "x"(input.even), "x"(input.odd), "x"(weight.even), "x"(weight.odd));
  return sum;
}

#include "int8_simd.inc"
#include "target_end.h"
#endif
typedef int edgedf_int8_avx2_is_not_empty;

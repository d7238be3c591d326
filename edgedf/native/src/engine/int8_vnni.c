/* 8-bit convolutions for x86-64 with AVX-512 VNNI: one instruction multiplies 64 pairs of bytes and adds them up. */
#include "kernels_int8.h"

#ifdef EDF_HAVE_AVX512
#include "target_vnni.h"

#define F __m512
#define I __m512i
#define LANES 16
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPLAT(x) _mm512_set1_ps(x)
#define MUL(a, b) _mm512_mul_ps(a, b)
#define ADD(a, b) _mm512_add_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#define MIN(a, b) _mm512_min_ps(a, b)
#define BITS(v) _mm512_castps_si512(v)
#define FLOATS(v) _mm512_cvtepi32_ps(v)
#define STORE_I(p, v) _mm512_storeu_si512(p, v)
#define SPLAT_I(x) _mm512_set1_epi32(x)
#define OR(a, b) _mm512_or_si512(a, b)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define AND(a, b) _mm512_and_si512(a, b)
#define SHIFT(a, n) _mm512_slli_epi32(a, n)
#define INPUT __m512i
#define LOAD_INPUT(p) _mm512_loadu_si512(p)
#define WEIGHT __m512i
#define LOAD_WEIGHT(p) _mm512_set1_epi32((int32_t)*(p))
#define DOT(sum, input, weight) dot(sum, input, weight)
#define BLOCK 8
#define TILE 3
#define WORDS 1
#define CENTRE 0u
#define NAME "vnni"
#define TABLE edgedf_int8_vnni

/* Not _mm512_dpbusd_epi32: compilers then keep the sums in memory, which takes twice the time. */
static inline __m512i dot(__m512i sum, __m512i input, __m512i weight) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(input), "v"(weight));
  return sum;
}

#include "int8_simd.inc"
#include "target_end.h"
#endif
typedef int edgedf_int8_vnni_is_not_empty;

/* AVX2: the method of crop_sse41.c, two rows per register in `horizontal`, 32 bytes at once elsewhere. */
#include "crop_kernels.h"

#if defined(EDF_X86)
#include <immintrin.h>
#include <string.h>

#if defined(__GNUC__)
#define AVX2 __attribute__((target("avx2")))
#else
#define AVX2
#endif

AVX2 static __m256i load_tap_pair(const int16_t *weights) {
  int32_t pair;
  memcpy(&pair, weights, 4);
  return _mm256_set1_epi32(pair);
}

AVX2 static __m256i round_down(__m256i high, __m256i low) {
  const __m256i half = _mm256_set1_epi32(1 << (EDF_PRECISION - 1));
  return _mm256_srai_epi32(_mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, 8), low), half),
                           EDF_PRECISION);
}

AVX2 static __m256i load_two(const uint8_t *first, const uint8_t *second) {
  const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)first);
  const __m128i b = _mm_loadu_si128((const __m128i *)(const void *)second);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

AVX2 static void expand_rgb(const uint8_t *source, uint8_t *target, size_t n) {
  const __m128i half = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  const __m256i spread = _mm256_broadcastsi128_si256(half);
  size_t i = 0;
  /* The second load takes bytes 12..28 for pixels 4..8, so at least 10 pixels must be left. */
  for (; n - i >= 10; i += 8) {
    const __m256i bytes = load_two(source + 3 * i, source + 3 * i + 12);
    _mm256_storeu_si256((__m256i *)(void *)(target + 4 * i), _mm256_shuffle_epi8(bytes, spread));
  }
  edf_portable_expand_rgb(source + 3 * i, target + 4 * i, n - i);
}

/* Eight chroma samples as 16-bit pairs (first, second), 128 subtracted. */
AVX2 static __m256i load_chroma(const uint8_t *first, const uint8_t *second, int interleaved) {
  __m128i bytes;
  if (interleaved)
    bytes = _mm_loadu_si128((const __m128i *)(const void *)first);
  else
    bytes = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)first),
                              _mm_loadl_epi64((const __m128i *)(const void *)second));
  return _mm256_sub_epi16(_mm256_cvtepu8_epi16(bytes), _mm256_set1_epi16(128));
}

/* Sixteen pixels' chroma term of one colour: each of the eight sums serves two pixels. */
AVX2 static __m256i chroma_term(__m256i pairs, __m256i factors) {
  const __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(pairs, factors), _mm256_set1_epi32(8192));
  const __m256i words = _mm256_packs_epi32(_mm256_srai_epi32(sum, 14), _mm256_setzero_si256());
  return _mm256_unpacklo_epi16(words, words);
}

AVX2 static __m256i factor_pair(int16_t first, int16_t second) {
  return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16));
}

AVX2 static void store_pixels(__m256i r, __m256i g, __m256i b, uint8_t *target) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i rg = _mm256_packus_epi16(r, g), b0 = _mm256_packus_epi16(b, zero);
  const __m256i rgrg = _mm256_unpacklo_epi8(rg, _mm256_srli_si256(rg, 8));
  const __m256i b0b0 = _mm256_unpacklo_epi8(b0, zero);
  const __m256i front = _mm256_unpacklo_epi16(rgrg, b0b0), back = _mm256_unpackhi_epi16(rgrg, b0b0);
  _mm256_storeu_si256((__m256i *)(void *)target, _mm256_permute2x128_si256(front, back, 0x20));
  _mm256_storeu_si256((__m256i *)(void *)(target + 32), _mm256_permute2x128_si256(front, back, 0x31));
}

AVX2 static void convert_yuv(const edf_yuv_run *run, uint8_t *target, size_t n) {
  const int v_first = run->v + 1 == run->u, u_first = run->u + 1 == run->v;
  const int interleaved = run->u_step == 2 && run->v_step == 2 && (v_first || u_first);
  const int planar = run->u_step == 1 && run->v_step == 1;
  size_t i = 0;
  if (run->y_step == 1 && (interleaved || planar)) {
    const edf_matrix m = run->matrix;
    const int swap = interleaved && v_first;
    const uint8_t *first = swap ? run->v : run->u, *second = swap ? run->u : run->v;
    const size_t step = run->u_step;
    const __m256i red = swap ? factor_pair(m.rv, 0) : factor_pair(0, m.rv);
    const __m256i green = swap ? factor_pair(m.gv, m.gu) : factor_pair(m.gu, m.gv);
    const __m256i blue = swap ? factor_pair(0, m.bu) : factor_pair(m.bu, 0);
    for (; n - i >= 16; i += 16) {
      const __m256i pairs = load_chroma(first + i / 2 * step, second + i / 2 * step, interleaved);
      const __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(run->y + i)));
      store_pixels(_mm256_add_epi16(y, chroma_term(pairs, red)), _mm256_add_epi16(y, chroma_term(pairs, green)),
                   _mm256_add_epi16(y, chroma_term(pairs, blue)), target + 4 * i);
    }
  }
  const edf_yuv_run rest = {run->y + i * run->y_step,         run->u + i / 2 * run->u_step,
                            run->v + i / 2 * run->v_step, run->y_step,
                            run->u_step,                      run->v_step,
                            run->matrix};
  if (i < n) edf_portable_convert_yuv(&rest, target + 4 * i, n - i);
}

/* Four rows' sums: rows 0 and 1 in the lanes of the first register, rows 2 and 3 in those of the second. */
typedef struct edf_sums {
  __m256i high[2], low[2];
} edf_sums;

AVX2 static inline void add_taps(edf_sums *sums, __m256i a, __m256i b, const int16_t *high, const int16_t *low) {
  const __m256i wh = load_tap_pair(high), wl = load_tap_pair(low);
  sums->high[0] = _mm256_add_epi32(sums->high[0], _mm256_madd_epi16(a, wh));
  sums->low[0] = _mm256_add_epi32(sums->low[0], _mm256_madd_epi16(a, wl));
  sums->high[1] = _mm256_add_epi32(sums->high[1], _mm256_madd_epi16(b, wh));
  sums->low[1] = _mm256_add_epi32(sums->low[1], _mm256_madd_epi16(b, wl));
}

/* Output pixel `o` of four rows as 16-bit words: rows 0 and 2 in the low lane, rows 1 and 3 in the high one. */
AVX2 static inline __m256i sum_pixel(const uint8_t *const *rows, const edf_weights *weights, int32_t o) {
  const __m256i taps01 = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1));
  const __m256i taps23 = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1));
  const int16_t *high = weights->high + (size_t)o * (size_t)weights->stride;
  const int16_t *low = weights->low + (size_t)o * (size_t)weights->stride;
  const int32_t count = weights->spans[o].count;
  size_t at = (size_t)weights->spans[o].first * 4;
  const __m256i zero = _mm256_setzero_si256();
  edf_sums sums = {{zero, zero}, {zero, zero}};
  for (int32_t t = 0; t < count; t += 4, at += 16) {
    const __m256i two = load_two(rows[0] + at, rows[1] + at), more = load_two(rows[2] + at, rows[3] + at);
    add_taps(&sums, _mm256_shuffle_epi8(two, taps01), _mm256_shuffle_epi8(more, taps01), high + t, low + t);
    if (t + 2 >= count) break; /* an enlargement has two taps */
    add_taps(&sums, _mm256_shuffle_epi8(two, taps23), _mm256_shuffle_epi8(more, taps23), high + t + 2,
             low + t + 2);
  }
  return _mm256_packs_epi32(round_down(sums.high[0], sums.low[0]), round_down(sums.high[1], sums.low[1]));
}

/* Two pixels of each row: 6 bytes and 2 that the next pixels overwrite. */
AVX2 static inline void store_pairs(uint8_t *const *targets, size_t at, __m256i first, __m256i second) {
  const __m256i order = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 2, 8, 9, 10, -1, -1, 4, 5, 6, 12, 13, 14, -1, -1));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(first, second), order);
  const __m128i even = _mm256_castsi256_si128(bytes), odd = _mm256_extracti128_si256(bytes, 1);
  _mm_storel_epi64((__m128i *)(void *)(targets[0] + at), even);
  _mm_storel_epi64((__m128i *)(void *)(targets[1] + at), odd);
  _mm_storel_epi64((__m128i *)(void *)(targets[2] + at), _mm_unpackhi_epi64(even, even));
  _mm_storel_epi64((__m128i *)(void *)(targets[3] + at), _mm_unpackhi_epi64(odd, odd));
}

AVX2 static void horizontal(const uint8_t *const *rows, uint8_t *const *targets, const edf_weights *weights,
                            int32_t size) {
  for (int32_t o = 0; o < size; o += 2) {
    const __m256i first = sum_pixel(rows, weights, o);
    const __m256i second = o + 1 < size ? sum_pixel(rows, weights, o + 1) : first;
    store_pairs(targets, 3 * (size_t)o, first, second);
  }
}

AVX2 static void vertical(const uint8_t *const *rows, const int16_t *high, const int16_t *low, int32_t count,
                          uint8_t *target, size_t bytes) {
  const __m256i zero = _mm256_setzero_si256();
  for (size_t i = 0; i < bytes; i += 32) {
    __m256i h[4] = {zero, zero, zero, zero}, l[4] = {zero, zero, zero, zero};
    for (int32_t t = 0; t < count; t += 2) {
      const uint8_t *next = rows[t + 1 < count ? t + 1 : t]; /* its weight is zero if it is not a tap */
      const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(rows[t] + i));
      const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(next + i));
      const __m256i front = _mm256_unpacklo_epi8(a, b), back = _mm256_unpackhi_epi8(a, b);
      const __m256i pairs[4] = {_mm256_unpacklo_epi8(front, zero), _mm256_unpackhi_epi8(front, zero),
                                _mm256_unpacklo_epi8(back, zero), _mm256_unpackhi_epi8(back, zero)};
      const __m256i wh = load_tap_pair(high + t), wl = load_tap_pair(low + t);
      for (int k = 0; k < 4; k++) {
        h[k] = _mm256_add_epi32(h[k], _mm256_madd_epi16(pairs[k], wh));
        l[k] = _mm256_add_epi32(l[k], _mm256_madd_epi16(pairs[k], wl));
      }
    }
    const __m256i front = _mm256_packs_epi32(round_down(h[0], l[0]), round_down(h[1], l[1]));
    const __m256i back = _mm256_packs_epi32(round_down(h[2], l[2]), round_down(h[3], l[3]));
    _mm256_storeu_si256((__m256i *)(void *)(target + i), _mm256_packus_epi16(front, back));
  }
}

const edf_crop_kernels edf_crop_avx2 = {expand_rgb, convert_yuv, horizontal, vertical};
#else
typedef int edf_no_avx2; /* a translation unit must not be empty */
#endif

/* SSE4.1: four-byte pixels are spread to pairs of taps per channel, and 16-bit multiply-adds sum the high and
 * the low part of the weights apart; (high << 8) + low is then the exact 32-bit sum of crop_portable.c. */
#include "crop_kernels.h"

#if defined(EDF_X86)
#include <smmintrin.h>
#include <string.h>

#if defined(__GNUC__)
#define SSE41 __attribute__((target("sse4.1")))
#else
#define SSE41
#endif

SSE41 static __m128i load_tap_pair(const int16_t *weights) {
  int32_t pair;
  memcpy(&pair, weights, 4);
  return _mm_set1_epi32(pair);
}

SSE41 static __m128i round_down(__m128i high, __m128i low) {
  const __m128i half = _mm_set1_epi32(1 << (EDF_PRECISION - 1));
  return _mm_srai_epi32(_mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(high, 8), low), half), EDF_PRECISION);
}

SSE41 static void expand_rgb(const uint8_t *source, uint8_t *target, size_t n) {
  const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  size_t i = 0;
  /* A load takes 16 bytes for 4 pixels of 12, so at least 6 pixels must be left. */
  for (; n - i >= 6; i += 4) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(source + 3 * i));
    _mm_storeu_si128((__m128i *)(void *)(target + 4 * i), _mm_shuffle_epi8(bytes, spread));
  }
  edf_portable_expand_rgb(source + 3 * i, target + 4 * i, n - i);
}

/* Four chroma samples as 16-bit pairs (first, second), 128 subtracted. */
SSE41 static __m128i load_chroma(const uint8_t *first, const uint8_t *second, int interleaved) {
  __m128i bytes;
  if (interleaved) {
    bytes = _mm_loadl_epi64((const __m128i *)(const void *)first);
  } else {
    int32_t a, b;
    memcpy(&a, first, 4);
    memcpy(&b, second, 4);
    bytes = _mm_unpacklo_epi8(_mm_cvtsi32_si128(a), _mm_cvtsi32_si128(b));
  }
  return _mm_sub_epi16(_mm_cvtepu8_epi16(bytes), _mm_set1_epi16(128));
}

/* Eight pixels' chroma term of one colour: each of the four sums serves two pixels. */
SSE41 static __m128i chroma_term(__m128i pairs, __m128i factors) {
  const __m128i sum = _mm_add_epi32(_mm_madd_epi16(pairs, factors), _mm_set1_epi32(8192));
  const __m128i four = _mm_packs_epi32(_mm_srai_epi32(sum, 14), _mm_setzero_si128());
  return _mm_unpacklo_epi16(four, four);
}

SSE41 static __m128i factor_pair(int16_t first, int16_t second) {
  return _mm_set1_epi32((int32_t)((uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16));
}

SSE41 static void convert_yuv(const edf_yuv_run *run, uint8_t *target, size_t n) {
  const int v_first = run->v + 1 == run->u, u_first = run->u + 1 == run->v;
  const int interleaved = run->u_step == 2 && run->v_step == 2 && (v_first || u_first);
  const int planar = run->u_step == 1 && run->v_step == 1;
  size_t i = 0;
  if (run->y_step == 1 && (interleaved || planar)) {
    const edf_matrix m = run->matrix;
    const int swap = interleaved && v_first;
    const uint8_t *first = swap ? run->v : run->u, *second = swap ? run->u : run->v;
    const size_t step = run->u_step;
    const __m128i red = swap ? factor_pair(m.rv, 0) : factor_pair(0, m.rv);
    const __m128i green = swap ? factor_pair(m.gv, m.gu) : factor_pair(m.gu, m.gv);
    const __m128i blue = swap ? factor_pair(0, m.bu) : factor_pair(m.bu, 0);
    for (; n - i >= 8; i += 8) {
      const __m128i pairs = load_chroma(first + i / 2 * step, second + i / 2 * step, interleaved);
      const __m128i y = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)(run->y + i)));
      const __m128i r = _mm_add_epi16(y, chroma_term(pairs, red));
      const __m128i g = _mm_add_epi16(y, chroma_term(pairs, green));
      const __m128i b = _mm_add_epi16(y, chroma_term(pairs, blue));
      const __m128i rg = _mm_packus_epi16(r, g), b0 = _mm_packus_epi16(b, _mm_setzero_si128());
      const __m128i rgrg = _mm_unpacklo_epi8(rg, _mm_srli_si128(rg, 8));
      const __m128i b0b0 = _mm_unpacklo_epi8(b0, _mm_setzero_si128());
      _mm_storeu_si128((__m128i *)(void *)(target + 4 * i), _mm_unpacklo_epi16(rgrg, b0b0));
      _mm_storeu_si128((__m128i *)(void *)(target + 4 * i + 16), _mm_unpackhi_epi16(rgrg, b0b0));
    }
  }
  const edf_yuv_run rest = {run->y + i * run->y_step,         run->u + i / 2 * run->u_step,
                            run->v + i / 2 * run->v_step, run->y_step,
                            run->u_step,                      run->v_step,
                            run->matrix};
  if (i < n) edf_portable_convert_yuv(&rest, target + 4 * i, n - i);
}

SSE41 static void horizontal_row(const uint8_t *row, uint8_t *target, const edf_weights *weights, int32_t size) {
  const __m128i taps01 = _mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
  const __m128i taps23 = _mm_setr_epi8(8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1);
  for (int32_t o = 0; o < size; o++) {
    const int16_t *high = weights->high + (size_t)o * (size_t)weights->stride;
    const int16_t *low = weights->low + (size_t)o * (size_t)weights->stride;
    const uint8_t *pixels = row + (size_t)weights->spans[o].first * 4;
    __m128i h = _mm_setzero_si128(), l = _mm_setzero_si128();
    for (int32_t t = 0; t < weights->spans[o].count; t += 4) {
      const __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(pixels + 4 * (size_t)t));
      const __m128i a = _mm_shuffle_epi8(four, taps01), b = _mm_shuffle_epi8(four, taps23);
      h = _mm_add_epi32(h, _mm_madd_epi16(a, load_tap_pair(high + t)));
      l = _mm_add_epi32(l, _mm_madd_epi16(a, load_tap_pair(low + t)));
      if (t + 2 >= weights->spans[o].count) break; /* an enlargement has two taps */
      h = _mm_add_epi32(h, _mm_madd_epi16(b, load_tap_pair(high + t + 2)));
      l = _mm_add_epi32(l, _mm_madd_epi16(b, load_tap_pair(low + t + 2)));
    }
    const __m128i sums = round_down(h, l);
    const __m128i words = _mm_packs_epi32(sums, sums);
    const int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    memcpy(target + 3 * (size_t)o, &pixel, 4); /* the fourth byte is overwritten by the next pixel */
  }
}

SSE41 static void horizontal(const uint8_t *const *rows, uint8_t *const *targets, const edf_weights *weights,
                             int32_t size) {
  for (int i = 0; i < EDF_ROWS; i++) horizontal_row(rows[i], targets[i], weights, size);
}

SSE41 static void vertical(const uint8_t *const *rows, const int16_t *high, const int16_t *low, int32_t count,
                           uint8_t *target, size_t bytes) {
  const __m128i zero = _mm_setzero_si128();
  for (size_t i = 0; i < bytes; i += 16) {
    __m128i h[4] = {zero, zero, zero, zero}, l[4] = {zero, zero, zero, zero};
    for (int32_t t = 0; t < count; t += 2) {
      const uint8_t *next = rows[t + 1 < count ? t + 1 : t]; /* its weight is zero if it is not a tap */
      const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(rows[t] + i));
      const __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(next + i));
      const __m128i front = _mm_unpacklo_epi8(a, b), back = _mm_unpackhi_epi8(a, b);
      const __m128i pairs[4] = {_mm_unpacklo_epi8(front, zero), _mm_unpackhi_epi8(front, zero),
                                _mm_unpacklo_epi8(back, zero), _mm_unpackhi_epi8(back, zero)};
      const __m128i wh = load_tap_pair(high + t), wl = load_tap_pair(low + t);
      for (int k = 0; k < 4; k++) {
        h[k] = _mm_add_epi32(h[k], _mm_madd_epi16(pairs[k], wh));
        l[k] = _mm_add_epi32(l[k], _mm_madd_epi16(pairs[k], wl));
      }
    }
    const __m128i front = _mm_packs_epi32(round_down(h[0], l[0]), round_down(h[1], l[1]));
    const __m128i back = _mm_packs_epi32(round_down(h[2], l[2]), round_down(h[3], l[3]));
    _mm_storeu_si128((__m128i *)(void *)(target + i), _mm_packus_epi16(front, back));
  }
}

const edf_crop_kernels edf_crop_sse41 = {expand_rgb, convert_yuv, horizontal, vertical};
#else
typedef int edf_no_sse41; /* a translation unit must not be empty */
#endif

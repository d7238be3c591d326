/* Little-endian numbers out of bytes, on any processor and at any alignment. */
#ifndef EDF_BYTES_H
#define EDF_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t edgedf_u16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }

static inline uint32_t edgedf_u32(const uint8_t *p) { return edgedf_u16(p) | edgedf_u16(p + 2) << 16; }

static inline float edgedf_float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float edgedf_f32(const uint8_t *p) { return edgedf_float_of_bits(edgedf_u32(p)); }

static inline double edgedf_f64(const uint8_t *p) {
  uint64_t bits = (uint64_t)edgedf_u32(p) | (uint64_t)edgedf_u32(p + 4) << 32;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The float with the value of an IEEE half, exactly. */
static inline float edgedf_float_of_half(uint32_t half) {
  uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 0x3ffu;
  if (exponent == 31) return edgedf_float_of_bits(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return edgedf_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
  /* A subnormal half is fraction * 2^-24, exact in a float. */
  float value = (float)fraction * 5.9604644775390625e-08f;
  return sign ? -value : value;
}

/* Neither infinite nor NaN. */
static inline int edgedf_is_finite(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7f800000u) != 0x7f800000u;
}

/* Reads bytes in order; after the first read beyond the end, `bad` is set and everything read is 0. */
typedef struct edgedf_cursor {
  const uint8_t *bytes;
  size_t at, end;
  int bad;
} edgedf_cursor;

static inline const uint8_t *edgedf_take(edgedf_cursor *cursor, size_t count) {
  if (cursor->bad || count > cursor->end - cursor->at) {
    cursor->bad = 1;
    return NULL;
  }
  cursor->at += count;
  return cursor->bytes + cursor->at - count;
}

static inline uint32_t edgedf_take_u8(edgedf_cursor *cursor) {
  const uint8_t *p = edgedf_take(cursor, 1);
  return p ? *p : 0;
}

static inline float edgedf_take_f32(edgedf_cursor *cursor) {
  const uint8_t *p = edgedf_take(cursor, 4);
  return p ? edgedf_f32(p) : 0.0f;
}

/* Unsigned LEB128 of at most 32 bits, shortest form only. */
static inline uint32_t edgedf_take_varint(edgedf_cursor *cursor) {
  uint32_t value = 0;
  for (uint32_t shift = 0; shift < 35; shift += 7) {
    uint32_t byte = edgedf_take_u8(cursor);
    if (cursor->bad || (shift == 28 && byte > 15) || (shift > 0 && byte == 0)) break;
    value |= (byte & 127u) << shift;
    if (byte < 128) return value;
  }
  cursor->bad = 1;
  return 0;
}

#endif

/* The adaptive binary range coder that packs which weights are zero and the top byte of those that are not. */
#ifndef EDF_CODER_H
#define EDF_CODER_H

#include <stddef.h>
#include <stdint.h>

/* A bit's probability and how fast it still learns. */
typedef struct edgedf_bit {
  uint16_t one;  /* probability of a 1, in 1/65536 */
  uint16_t seen; /* bits seen, stops at EDF_BIT_SETTLED */
} edgedf_bit;

#define EDF_BIT_SETTLED 255u

/* Contexts: presence starts anew for every tensor and looks at the two weights before; the top byte is a
 * sign and seven bits down a binary tree, learned over the whole file. */
typedef struct edgedf_contexts {
  edgedf_bit present[4];
  edgedf_bit sign;
  edgedf_bit tree[128];
} edgedf_contexts;

void edgedf_contexts_init(edgedf_contexts *contexts);
void edgedf_contexts_next_tensor(edgedf_contexts *contexts);

/* The estimate moves by 1/2 after the first bit, 1/3 after the second, ... as powers of two, down to 1/128. */
static inline void edgedf_bit_update(edgedf_bit *bit, int one) {
  uint32_t seen = bit->seen, shift = 1;
  while (shift < 7 && seen >> shift != 0) shift++;
  if (one)
    bit->one = (uint16_t)(bit->one + ((65536u - bit->one) >> shift));
  else
    bit->one = (uint16_t)(bit->one - (bit->one >> shift));
  if (bit->one < 32) bit->one = 32;
  if (bit->one > 65504) bit->one = 65504;
  if (seen < EDF_BIT_SETTLED) bit->seen = (uint16_t)(seen + 1);
}

typedef struct edgedf_decoder {
  const uint8_t *bytes;
  size_t at, end;
  uint32_t range, code;
  int bad; /* read beyond the end */
  edgedf_contexts contexts;
} edgedf_decoder;

void edgedf_decoder_begin(edgedf_decoder *decoder, const uint8_t *bytes, size_t count);

static inline int edgedf_decode_bit(edgedf_decoder *decoder, edgedf_bit *bit) {
  uint32_t bound = (decoder->range >> 16) * bit->one;
  int one = decoder->code < bound;
  if (one) {
    decoder->range = bound;
  } else {
    decoder->code -= bound;
    decoder->range -= bound;
  }
  edgedf_bit_update(bit, one);
  while (decoder->range < 1u << 24) {
    uint32_t next = 0;
    if (decoder->at < decoder->end)
      next = decoder->bytes[decoder->at++];
    else
      decoder->bad = 1;
    decoder->range <<= 8;
    decoder->code = decoder->code << 8 | next;
  }
  return one;
}

/* The top byte of a weight that is present. */
static inline uint32_t edgedf_decode_high(edgedf_decoder *decoder) {
  uint32_t sign = (uint32_t)edgedf_decode_bit(decoder, &decoder->contexts.sign), node = 1;
  while (node < 128) node = node << 1 | (uint32_t)edgedf_decode_bit(decoder, &decoder->contexts.tree[node]);
  return sign << 7 | (node & 127u);
}

#endif

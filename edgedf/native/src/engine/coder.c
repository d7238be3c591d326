/* Begin decoding, and the encoder: 32-bit range, carries held back until they are settled. */
#include "coder.h"

#include <string.h>

#include "edgedf/model.h"

static void reset(edgedf_bit *bits, size_t count) {
  for (size_t i = 0; i < count; i++) bits[i] = (edgedf_bit){32768, 0};
}

void edgedf_contexts_next_tensor(edgedf_contexts *contexts) { reset(contexts->present, 4); }

void edgedf_contexts_init(edgedf_contexts *contexts) {
  edgedf_contexts_next_tensor(contexts);
  reset(&contexts->sign, 1);
  reset(contexts->tree, 128);
}

void edgedf_decoder_begin(edgedf_decoder *decoder, const uint8_t *bytes, size_t count) {
  memset(decoder, 0, sizeof *decoder);
  decoder->bytes = bytes;
  decoder->end = count;
  decoder->range = 0xffffffffu;
  for (int i = 0; i < 4; i++) {
    if (decoder->at < count)
      decoder->code = decoder->code << 8 | bytes[decoder->at++];
    else
      decoder->bad = 1;
  }
  edgedf_contexts_init(&decoder->contexts);
}

typedef struct edgedf_encoder {
  uint8_t *bytes;
  size_t at, capacity;
  uint64_t low;
  uint32_t range;
  uint8_t held;      /* the last byte, which a carry may still change */
  uint64_t held_255; /* bytes of 255 behind it, which a carry would turn to 0 */
  int started, full;
  edgedf_contexts contexts;
} edgedf_encoder;

static void put(edgedf_encoder *encoder, uint32_t byte) {
  if (encoder->at < encoder->capacity)
    encoder->bytes[encoder->at++] = (uint8_t)byte;
  else
    encoder->full = 1;
}

/* Move the top byte of `low` out, settling the held ones when their carry is known. */
static void shift_low(edgedf_encoder *encoder) {
  uint32_t carry = (uint32_t)(encoder->low >> 32), byte = (uint32_t)(encoder->low >> 24) & 255u;
  if (carry || byte != 255) {
    if (encoder->started) put(encoder, encoder->held + carry);
    for (; encoder->held_255 > 0; encoder->held_255--) put(encoder, 255u + carry);
    encoder->held = (uint8_t)byte;
    encoder->started = 1;
  } else {
    encoder->held_255++;
  }
  encoder->low = (encoder->low & 0x00ffffffu) << 8;
}

static void encode_bit(edgedf_encoder *encoder, edgedf_bit *bit, int one) {
  uint32_t bound = (encoder->range >> 16) * bit->one;
  if (one) {
    encoder->range = bound;
  } else {
    encoder->low += bound;
    encoder->range -= bound;
  }
  edgedf_bit_update(bit, one);
  while (encoder->range < 1u << 24) {
    encoder->range <<= 8;
    shift_low(encoder);
  }
}

size_t edgedf_model_coder_bytes(void) { return sizeof(edgedf_encoder); }

edgedf_model_status edgedf_model_coder_begin(void *coder, uint8_t *output, size_t capacity) {
  if (coder == NULL || (output == NULL && capacity > 0)) return EDGEDF_MODEL_BAD_ARGUMENT;
  edgedf_encoder *encoder = coder;
  memset(encoder, 0, sizeof *encoder);
  encoder->bytes = output;
  encoder->capacity = capacity;
  encoder->range = 0xffffffffu;
  edgedf_contexts_init(&encoder->contexts);
  return EDGEDF_MODEL_OK;
}

edgedf_model_status edgedf_model_coder_tensor(void *coder, const uint8_t *present, const uint8_t *high, size_t count) {
  if (coder == NULL || present == NULL || high == NULL) return EDGEDF_MODEL_BAD_ARGUMENT;
  edgedf_encoder *encoder = coder;
  uint32_t before = 0;
  edgedf_contexts_next_tensor(&encoder->contexts);
  for (size_t i = 0; i < count; i++) {
    uint32_t here = present[i] != 0;
    encode_bit(encoder, &encoder->contexts.present[before], (int)here);
    before = (before << 1 | here) & 3u;
    if (!here) continue;
    encode_bit(encoder, &encoder->contexts.sign, high[i] >> 7);
    for (uint32_t node = 1, shift = 7; shift-- > 0;) {
      int one = high[i] >> shift & 1;
      encode_bit(encoder, &encoder->contexts.tree[node], one);
      node = node << 1 | (uint32_t)one;
    }
  }
  return encoder->full ? EDGEDF_MODEL_BAD_SIZE : EDGEDF_MODEL_OK;
}

edgedf_model_status edgedf_model_coder_end(void *coder, size_t *written) {
  if (coder == NULL || written == NULL) return EDGEDF_MODEL_BAD_ARGUMENT;
  edgedf_encoder *encoder = coder;
  for (int i = 0; i < 5; i++) shift_low(encoder);
  *written = encoder->at;
  return encoder->full ? EDGEDF_MODEL_BAD_SIZE : EDGEDF_MODEL_OK;
}

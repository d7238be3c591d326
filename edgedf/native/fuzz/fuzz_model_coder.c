/* Property: the weight coder never writes beyond the capacity it was given, says BAD_SIZE when that is too little,
 * and gives the same bytes for the same weights. */
#include <stdlib.h>
#include <string.h>

#include "edgedf/model.h"

#define MAX_TENSORS 4

static void check(int condition) {
  if (!condition) abort();
}

/* Code the bytes as tensors of pairs (present, high); returns the last status. */
static edgedf_model_status code(const uint8_t *data, size_t pairs, size_t tensors, uint8_t *output, size_t capacity,
                                size_t *written) {
  void *coder = malloc(edgedf_model_coder_bytes());
  if (coder == NULL) abort();
  check(edgedf_model_coder_begin(coder, output, capacity) == EDGEDF_MODEL_OK);
  for (size_t t = 0; t < tensors; t++) {
    const size_t from = pairs * t / tensors, count = pairs * (t + 1) / tensors - from;
    const edgedf_model_status status = edgedf_model_coder_tensor(coder, data + from, data + pairs + from, count);
    check(status == EDGEDF_MODEL_OK || status == EDGEDF_MODEL_BAD_SIZE);
  }
  const edgedf_model_status status = edgedf_model_coder_end(coder, written);
  check(*written <= capacity);
  free(coder);
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const size_t tensors = data[0] % MAX_TENSORS + 1u, cut = data[1], pairs = (size - 2) / 2;
  data += 2;
  /* A symbol costs at most some bits more than a byte; ten bytes end the stream. */
  const size_t enough = 16 + 4 * pairs;
  uint8_t *whole = malloc(enough);
  size_t written = 0, again = 0;
  if (whole == NULL) abort();
  check(code(data, pairs, tensors, whole, enough, &written) == EDGEDF_MODEL_OK);
  const size_t capacity = written > cut ? written - cut : 0;
  uint8_t *small = malloc(capacity ? capacity : 1); /* exact, so that the sanitizer sees a step too far */
  if (small == NULL) abort();
  const edgedf_model_status status = code(data, pairs, tensors, small, capacity, &again);
  check(status == (capacity < written ? EDGEDF_MODEL_BAD_SIZE : EDGEDF_MODEL_OK));
  check(memcmp(small, whole, again) == 0);
  check(edgedf_model_coder_begin(NULL, small, capacity) == EDGEDF_MODEL_BAD_ARGUMENT);
  check(edgedf_model_coder_tensor(NULL, data, data, pairs) == EDGEDF_MODEL_BAD_ARGUMENT);
  check(edgedf_model_coder_end(NULL, &written) == EDGEDF_MODEL_BAD_ARGUMENT);
  free(small);
  free(whole);
  return 0;
}

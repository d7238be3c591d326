/* Property: the calls that need no model file take any number, name or null pointer and give an answer in range:
 * texts, variants, scores, verdicts, thread pools. */
#include <stdlib.h>
#include <string.h>

#include "edgedf/model.h"
#include "edgedf/threads.h"

static void check(int condition) {
  if (!condition) abort();
}

static void check_verdict(const edgedf_model_contract *contract, float logit) {
  const double score = edgedf_model_score(contract, logit);
  const int fake = edgedf_model_is_fake(contract, logit);
  check(score != score || (score >= 0.0 && score <= 1.0));
  check(fake == 0 || fake == 1);
  if (logit != logit) check(fake == 1);
}

static void check_variant(const char *name) {
  const char *found = edgedf_model_variant(name);
  if (found == NULL) return;
  check(strcmp(found, name) == 0);
  check(edgedf_model_variant(NULL) != NULL);
}

/* Starting threads is slow, so a good count comes up rarely. */
static void check_pool(uint32_t threads, int start) {
  if (threads >= 2 && threads <= EDGEDF_MODEL_MAX_THREADS) threads = start ? 2 + threads % 2 : 0;
  edgedf_pool *pool = edgedf_pool_start(threads);
  check((edgedf_pool_executor(pool) == NULL) == (pool == NULL));
  if (threads < 2 || threads > EDGEDF_MODEL_MAX_THREADS) check(pool == NULL);
  edgedf_pool_stop(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct {
    edgedf_model_contract contract;
    float logit;
    uint32_t status, threads, index;
    char name[16];
  } in;
  memset(&in, 0, sizeof in);
  memcpy(&in, data, size < sizeof in ? size : sizeof in);
  in.name[sizeof in.name - 1] = 0;
  check_verdict(&in.contract, in.logit);
  check_verdict(NULL, in.logit);
  check_variant(in.name);
  check(edgedf_model_status_text((edgedf_model_status)(in.status % 64u)) != NULL);
  check_pool(in.threads, in.index % 997u == 1u);
  edgedf_model_needs needs;
  edgedf_model_step step;
  edgedf_model *model = NULL;
  check(edgedf_model_get(NULL, &needs) != EDGEDF_MODEL_OK);
  check(edgedf_model_get_step(NULL, in.index, &step) != EDGEDF_MODEL_OK);
  check(edgedf_model_measure(NULL, in.index, in.name, &needs) != EDGEDF_MODEL_OK);
  check(edgedf_model_open(NULL, in.index, in.name, NULL, in.index, &model) != EDGEDF_MODEL_OK && model == NULL);
  check(edgedf_model_run(NULL, data, 0, NULL, 0, in.threads, NULL, &in.logit) != EDGEDF_MODEL_OK);
  return 0;
}

/* e^x and the score, without libm: IEEE additions, multiplications and divisions only, so every processor
 * gives the same bits. Argument reduced to |r| <= ln(2)/2, then a Taylor series to below half a unit. */
#include <string.h>

#include "edgedf/model.h"
#include "bytes.h"
#include "model_internal.h"

double edgedf_exp64(double x) {
  const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  if (!(x > -700.0)) return x != x ? x : 0.0;
  if (x > 700.0) x = 700.0;
  double scaled = x * 0x1.71547652b82fep+0;
  int64_t k = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  double high = (double)k * ln2_high, low = (double)k * ln2_low;
  double r = (x - high) - low, sum = 1.0;
  for (int i = 14; i >= 1; i--) {
    double term = sum * r;
    sum = 1.0 + term / (double)i;
  }
  uint64_t bits = (uint64_t)(k + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return sum * power;
}

float edgedf_exp(float x) { return (float)edgedf_exp64((double)x); }

static double sigmoid(double x) {
  if (x >= 0) return 1.0 / (1.0 + edgedf_exp64(-x));
  double power = edgedf_exp64(x);
  return power / (1.0 + power);
}

int edgedf_good_threshold(const edgedf_model_contract *contract) {
  double reached = sigmoid(contract->logit_threshold / contract->temperature), wanted = contract->threshold;
  double off = reached > wanted ? reached - wanted : wanted - reached;
  /* The second term: below e^-700 edgedf_exp64 is zero. Written so that a NaN fails. */
  return off <= 1e-9 * wanted + 1e-300;
}

double edgedf_model_score(const edgedf_model_contract *contract, float logit) {
  if (contract == NULL || !(contract->temperature > 0)) return (double)edgedf_float_of_bits(0x7fc00000u);
  return sigmoid((double)logit / contract->temperature);
}

int edgedf_model_is_fake(const edgedf_model_contract *contract, float logit) {
  /* For numbers this is logit >= threshold; what is not a number is never called real. */
  return contract == NULL || !((double)logit < contract->logit_threshold);
}

/* e^x and the score, without libm: IEEE additions, multiplications and divisions only, so every processor
 * gives the same bits. Argument reduced to |r| <= ln(2)/2, then a Taylor series to below half a unit. */
#include <string.h>

#include "edgedf/model.h"
#include "model_internal.h"

double edf_exp64(double x) {
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

float edf_exp(float x) { return (float)edf_exp64((double)x); }

double edgedf_model_score(const edgedf_model_contract *contract, float logit) {
  double scaled = (double)logit / contract->temperature;
  if (scaled >= 0) return 1.0 / (1.0 + edf_exp64(-scaled));
  double power = edf_exp64(scaled);
  return power / (1.0 + power);
}

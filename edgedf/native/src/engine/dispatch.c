/* Which instruction set runs: decided from the processor at each open, no global kept. */
#include <string.h>

#include "kernels.h"

#ifdef EDF_HAVE_X86
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

const edgedf_kernels *edgedf_find_kernels(const char *variant) {
  const edgedf_kernels *have[3];
  size_t count = 0;
#ifdef EDF_HAVE_X86
  __builtin_cpu_init();
  if (has_avx512()) have[count++] = &edgedf_kernels_avx512;
  if (has_avx2()) have[count++] = &edgedf_kernels_avx2;
#endif
#ifdef EDF_HAVE_NEON
  have[count++] = &edgedf_kernels_neon;
#endif
  have[count++] = &edgedf_kernels_portable;
  if (variant == NULL) return have[0];
  for (size_t i = 0; i < count; i++)
    if (strcmp(variant, have[i]->name) == 0) return have[i];
  return NULL;
}

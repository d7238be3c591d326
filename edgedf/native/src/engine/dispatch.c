/* Which instruction set runs: decided from the processor at each open, no global kept. */
#include <string.h>

#include "kernels_int8.h"

#define MOST_VARIANTS 6u

#ifdef EDF_HAVE_X86
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

#ifdef EDF_HAVE_AVX512
static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

static size_t list_x86(edgedf_variant *have) {
  size_t count = 0;
  __builtin_cpu_init();
#ifdef EDF_HAVE_AVX512
  if (has_avx512()) {
    const edgedf_int8_kernels *int8 = __builtin_cpu_supports("avx512vnni") ? &edgedf_int8_vnni : &edgedf_int8_avx2;
    have[count++] = (edgedf_variant){"avx512", &edgedf_kernels_avx512, int8};
    have[count++] = (edgedf_variant){"avx512+float32", &edgedf_kernels_avx512, NULL};
  }
#endif
  if (has_avx2()) {
    have[count++] = (edgedf_variant){"avx2", &edgedf_kernels_avx2, &edgedf_int8_avx2};
    have[count++] = (edgedf_variant){"avx2+float32", &edgedf_kernels_avx2, NULL};
  }
  return count;
}
#endif

#ifdef EDF_HAVE_NEON
static size_t list_neon(edgedf_variant *have) {
  const edgedf_int8_kernels *int8 = &edgedf_int8_neon;
#ifdef EDF_HAVE_DOT
  if (edgedf_has_dot()) int8 = &edgedf_int8_dot;
#endif
  have[0] = (edgedf_variant){"neon", &edgedf_kernels_neon, int8};
  have[1] = (edgedf_variant){"neon+float32", &edgedf_kernels_neon, NULL};
  return 2;
}
#endif

int edgedf_find_variant(const char *name, edgedf_variant *found) {
  edgedf_variant have[MOST_VARIANTS];
  size_t count = 0;
#ifdef EDF_HAVE_X86
  count += list_x86(have);
#endif
#ifdef EDF_HAVE_NEON
  count += list_neon(have);
#endif
  have[count++] = (edgedf_variant){"portable", &edgedf_kernels_portable, &edgedf_int8_portable};
  have[count++] = (edgedf_variant){"portable+float32", &edgedf_kernels_portable, NULL};
  for (size_t i = 0; i < count; i++)
    if (name == NULL || strcmp(name, have[i].name) == 0) {
      *found = have[i];
      return 1;
    }
  return 0;
}

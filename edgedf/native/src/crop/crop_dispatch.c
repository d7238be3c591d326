/* Which loops this processor can run. Asked on every call: it costs some ten nanoseconds and needs no global. */
#include "crop_kernels.h"
#include "edgedf/crop.h"

#if defined(EDF_X86)
#if defined(_MSC_VER)
#include <intrin.h>
static uint32_t x86_features(void) {
  int leaf[4];
  uint32_t found = 0;
  __cpuid(leaf, 1);
  if (leaf[2] & (1 << 19)) found |= EDGEDF_CPU_SSE41;
  const int system_saves_ymm = (leaf[2] & (1 << 27)) && (_xgetbv(0) & 6) == 6;
  __cpuidex(leaf, 7, 0);
  if (system_saves_ymm && (leaf[1] & (1 << 5))) found |= EDGEDF_CPU_AVX2;
  return found;
}
#else
static uint32_t x86_features(void) {
  uint32_t found = 0;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.1")) found |= EDGEDF_CPU_SSE41;
  if (__builtin_cpu_supports("avx2")) found |= EDGEDF_CPU_AVX2;
  return found;
}
#endif
#endif

uint32_t edgedf_crop_cpu(void) {
#if defined(EDF_X86)
  return x86_features();
#elif defined(EDF_NEON)
  return EDGEDF_CPU_NEON; /* every arm64 processor has it */
#else
  return 0;
#endif
}

const edf_crop_kernels *edf_crop_kernels_get(uint32_t without) {
  const uint32_t use = edgedf_crop_cpu() & ~without;
  (void)use;
#if defined(EDF_X86)
  if (use & EDGEDF_CPU_AVX2) return &edf_crop_avx2;
  if (use & EDGEDF_CPU_SSE41) return &edf_crop_sse41;
#endif
#if defined(EDF_NEON)
  if (use & EDGEDF_CPU_NEON) return &edf_crop_neon;
#endif
  return &edf_crop_portable;
}

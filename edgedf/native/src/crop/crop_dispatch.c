/* Which loops this processor can run. */
#include "crop_kernels.h"
#include "edgedf/crop.h"

#if defined(EDF_X86)
#if defined(_MSC_VER)
#include <intrin.h>
static void ask_cpu(int leaf, uint32_t *b, uint32_t *c) {
  int answer[4];
  __cpuidex(answer, leaf, 0);
  *b = (uint32_t)answer[1];
  *c = (uint32_t)answer[2];
}
static uint32_t saved_state(void) { return (uint32_t)_xgetbv(0); }
#define LOAD(word) (word)
#define STORE(word, value) ((word) = (value))
#else
#include <cpuid.h>
static void ask_cpu(int leaf, uint32_t *b, uint32_t *c) {
  uint32_t a = 0, d = 0;
  *b = *c = 0;
  (void)__get_cpuid_count((unsigned)leaf, 0, &a, b, c, &d);
}
static uint32_t saved_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}
#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#endif

static uint32_t ask_features(void) {
  uint32_t b, c, found = 0;
  ask_cpu(1, &b, &c);
  if (c & 1u << 19) found |= EDGEDF_CPU_SSE41;
  /* AVX2 needs a system that saves the wide registers when it switches threads. */
  const int saves = (c & 1u << 27) && (saved_state() & 6u) == 6u;
  ask_cpu(7, &b, &c);
  if (saves && (b & 1u << 5)) found |= EDGEDF_CPU_AVX2;
  return found;
}

/* Asked once, as the question traps under a hypervisor. The compiler's own __builtin_cpu_supports would bring six
 * kilobytes with it. */
#define ASKED (1u << 31)

uint32_t edgedf_crop_cpu(void) {
  static uint32_t known;
  uint32_t found = LOAD(known);
  if (found == 0) {
    found = ask_features() | ASKED;
    STORE(known, found);
  }
  return found & ~ASKED;
}
#elif defined(EDF_NEON)
uint32_t edgedf_crop_cpu(void) { return EDGEDF_CPU_NEON; /* every arm64 processor has it */ }
#else
uint32_t edgedf_crop_cpu(void) { return 0; }
#endif

const edf_crop_kernels *edgedf_crop_kernels_get(uint32_t without) {
  const uint32_t use = edgedf_crop_cpu() & ~without;
  (void)use;
#if defined(EDF_X86)
  if (use & EDGEDF_CPU_AVX2) return &edgedf_crop_avx2;
  if (use & EDGEDF_CPU_SSE41) return &edgedf_crop_sse41;
#endif
#if defined(EDF_NEON)
  if (use & EDGEDF_CPU_NEON) return &edgedf_crop_neon;
#endif
  return &edgedf_crop_portable;
}

/* Whether an arm64 processor has the dot-product instructions, as its system says. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE 1
#include <sys/sysctl.h>
#endif
#include "kernels_int8.h"

#ifdef EDF_HAVE_DOT
#if defined(__linux__)
#include <sys/auxv.h>
#define HAS_DOT (1ul << 20) /* HWCAP_ASIMDDP */
#endif

int edgedf_has_dot(void) {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HAS_DOT) != 0;
#elif defined(__APPLE__)
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size, NULL, 0) == 0 && has;
#elif defined(__ARM_FEATURE_DOTPROD)
  return 1;
#else
  return 0;
#endif
}
#endif
typedef int edgedf_cpu_arm64_is_not_empty;

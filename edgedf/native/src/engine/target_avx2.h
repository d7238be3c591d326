/* Allow AVX2 and FMA in the functions that follow, whatever the command line allows; see target_end.h. */
#if defined(__clang__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include <immintrin.h>
#endif

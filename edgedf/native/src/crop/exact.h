/* For sources whose doubles decide bytes: one rounding to a double per operation and no fused multiply-add,
 * whatever flags this library is built with. Include it after every other header. */
#ifndef EDF_CROP_EXACT_H
#define EDF_CROP_EXACT_H

#include <float.h>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "the crop needs IEEE doubles: build it without -ffast-math and what belongs to it"
#endif

/* The x87 unit keeps 64 bits of a sum where a double has 53, and rounds twice. 0 and 1 compute doubles as doubles. */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1
#error "the crop needs doubles without extra precision: on 32-bit x86 build it with -msse2 -mfpmath=sse"
#endif

/* clang has no macro for -funsafe-math-optimizations and its parts, but undoes them here; an unknown word is an error,
 * and Apple's version numbers are ahead of clang's own. Only -ffp-contract=fast, where clang fuses in its last step,
 * stays: CMakeLists.txt takes it back. */
#if defined(__clang__) && __clang_major__ >= 18
#pragma clang fp contract(off) reassociate(off) reciprocal(off)
#elif defined(__clang__) && __clang_major__ >= 13
#pragma clang fp contract(off) reassociate(off)
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off") /* gcc warns of the standard pragma and ignores it */
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#else
#pragma STDC FP_CONTRACT OFF
#endif

#endif

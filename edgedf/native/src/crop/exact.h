/* For sources whose doubles decide bytes: no fused multiply-add, whatever flags this library is built with.
 * Include it after every other header. */
#ifndef EDF_CROP_EXACT_H
#define EDF_CROP_EXACT_H

#if defined(__FAST_MATH__)
#error "the crop needs IEEE doubles: build it without -ffast-math"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off") /* gcc warns of the standard pragma and ignores it */
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#else
#pragma STDC FP_CONTRACT OFF
#endif

#endif

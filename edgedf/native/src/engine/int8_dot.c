/* 8-bit convolutions for arm64 with dot-product instructions (Armv8.2 DotProd): sixteen multiplies each. */
#include "kernels_int8.h"

#ifdef EDF_HAVE_DOT
#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#include "int8_neon.h"
#else
#include "int8_neon.h"
#ifndef __ARM_FEATURE_DOTPROD
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#define EDF_PUSHED 1
#endif
#endif

#define DOT(sum, input, weight) vdotq_s32(sum, input, weight)
#define BLOCK 8
#define TILE 3
#define NAME "dot"
#define TABLE edgedf_int8_dot

#include "int8_simd.inc"
#if !defined(__clang__)
#pragma GCC pop_options
#elif defined(EDF_PUSHED)
#pragma clang attribute pop
#endif
#endif
typedef int edgedf_int8_dot_is_not_empty;

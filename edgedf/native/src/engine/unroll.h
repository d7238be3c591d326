/* How kernels keep their sums in registers: loops of constant length that the compiler takes apart. */
#ifndef EDF_UNROLL_H
#define EDF_UNROLL_H

#if defined(__SANITIZE_ADDRESS__)
#define EDF_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EDF_CHECKED 1
#endif
#endif

/* Unrolled code with a check at every access takes minutes to compile; loops do the same accesses. */
#if defined(EDF_CHECKED)
#define UNROLL
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 32")
#else
#define UNROLL
#endif
/* Keeps one pointer per tap: gcc would otherwise compute a new address for each of its vectors. */
#define ONE_POINTER(p) __asm__("" : "+r"(p))
#define INLINE static inline __attribute__((always_inline))

#endif

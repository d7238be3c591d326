/* What both arm64 files have in common; see int8_simd.inc. Bytes are signed there, so they are stored 128 lower. */
#include <arm_neon.h>

#define F float32x4_t
#define I int32x4_t
#define LANES 4
#define LOAD(p) vld1q_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#define SPLAT(x) vdupq_n_f32(x)
#define MUL(a, b) vmulq_f32(a, b)
#define ADD(a, b) vaddq_f32(a, b)
/* A comparison with NaN is false; the instructions vmaxq and vminq would give the NaN. */
#define MAX(a, b) vmaxnmq_f32(a, b)
#define MIN(a, b) vminnmq_f32(a, b)
#define BITS(v) vreinterpretq_s32_f32(v)
#define FLOATS(v) vcvtq_f32_s32(v)
#define STORE_I(p, v) vst1q_u32(p, vreinterpretq_u32_s32(v))
#define SPLAT_I(x) vdupq_n_s32(x)
#define OR(a, b) vorrq_s32(a, b)
#define XOR(a, b) veorq_s32(a, b)
#define AND(a, b) vandq_s32(a, b)
#define SHIFT(a, n) vshlq_n_s32(a, n)
#define INPUT int8x16_t
#define LOAD_INPUT(p) vreinterpretq_s8_u32(vld1q_u32(p))
#define WEIGHT int8x16_t
#define LOAD_WEIGHT(p) vreinterpretq_s8_u32(vld1q_dup_u32(p))
#define WORDS 1
#define CENTRE 128u

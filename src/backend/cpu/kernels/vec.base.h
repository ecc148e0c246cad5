// SPDX-License-Identifier: MIT
// Vec: 16 floats, the unit in which row operations and attention are written once for every
// instruction set (rowops.h, attention.h, dot_float.h); here as four 128-bit vectors, which every
// x86-64 has. The functions of vec.<isa>.h have the same names and meaning; all are exact or round
// to nearest even, and reductions add in the same tree, so results do not depend on the machine.
// vec_fma alone differs: two roundings here, one in the other columns.
#pragma once
#include "backend/cpu/kernels/half.base.h"

namespace hearth::cpu {
namespace {

typedef float F4 __attribute__((vector_size(16)));
typedef int32_t I4 __attribute__((vector_size(16)));

struct Vec {
  F4 part[4];
};

// Sizes of the float products' tile: 16 registers hold one row of sums and the operands.
constexpr int kTileQueries = 1;
constexpr int kTilePositions = 2;
// Most heads that share a row of attention's cache once it is brought to floats, and how many rows,
// or sixteens of a row's columns, so many of them take at a time.
constexpr int kSharedQueries = 1;
constexpr int shared_tile(int) { return 2; }
// The same of attention_panel.h: queries, and registers of positions.
constexpr int kPanelQueries = 1;
constexpr int kPanelVecs = 1;
constexpr int kStraightQueries = 1;
constexpr int kStraightVecs = 1;

inline Vec vec_set(float x) {
  const F4 v = {x, x, x, x};
  return {{v, v, v, v}};
}
inline Vec vec_set_f16(const uint8_t* p) { return vec_set(f32_from_f16(load_u16(p))); }
inline Vec vec_zero() { return vec_set(0.0f); }

inline Vec vec_load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}
inline void vec_store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof(v)); }
// The first n < 16 lanes; the others are 0 and are not read or written in memory.
inline Vec vec_load_n(const float* p, int n) {
  float lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return vec_load(lanes);
}
inline void vec_store_n(float* p, Vec v, int n) {
  float lanes[16];
  vec_store(lanes, v);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

// Without branches, so that the compiler makes vectors of it: the exponent is rebiased by a product
// with 2^112, which also normalises subnormals; infinity and NaN get the largest exponent.
inline Vec vec_load_f16(const uint8_t* p) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) {
    const uint32_t half = load_u16(p + 2 * i), magnitude = (half & 0x7fffu) << 13;
    const uint32_t top = magnitude >= 0x7c00u << 13 ? 0x7f800000u : 0u;
    const uint32_t bits = bits_of(float_of(magnitude) * 0x1p112f) | top;
    lanes[i] = float_of(bits | (half & 0x8000u) << 16);
  }
  return vec_load(lanes);
}
inline Vec vec_load_f16_n(const uint8_t* p, int n) {
  uint8_t halves[32] = {};
  __builtin_memcpy(halves, p, 2 * static_cast<unsigned long>(n));
  return vec_load_f16(halves);
}
inline void vec_store_f16_n(uint8_t* p, Vec v, int n) {
  float lanes[16];
  vec_store(lanes, v);
  for (int i = 0; i < n; ++i) {
    const uint16_t half = f16_from_f32(lanes[i]);
    __builtin_memcpy(p + 2 * i, &half, 2);
  }
}
inline void vec_store_f16(uint8_t* p, Vec v) { vec_store_f16_n(p, v, 16); }

inline Vec vec_load_bf16_n(const uint8_t* p, int n) {
  float lanes[16] = {};
  for (int i = 0; i < n; ++i) lanes[i] = f32_from_bf16(load_u16(p + 2 * i));
  return vec_load(lanes);
}
inline Vec vec_load_bf16(const uint8_t* p) { return vec_load_bf16_n(p, 16); }
inline void vec_store_bf16_n(uint8_t* p, Vec v, int n) {
  float lanes[16];
  vec_store(lanes, v);
  for (int i = 0; i < n; ++i) {
    const uint16_t half = bf16_from_f32(lanes[i]);
    __builtin_memcpy(p + 2 * i, &half, 2);
  }
}
inline void vec_store_bf16(uint8_t* p, Vec v) { vec_store_bf16_n(p, v, 16); }

// 16 signed bytes; the low or the high nibbles of 16 bytes; 16 bits as 0 or 1.
inline Vec vec_load_i8(const uint8_t* p) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = static_cast<int8_t>(p[i]);
  return vec_load(lanes);
}
inline Vec vec_load_nibbles(const uint8_t* p, bool high) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = static_cast<float>(high ? p[i] >> 4 : p[i] & 15);
  return vec_load(lanes);
}
inline Vec vec_bits(uint16_t bits) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = static_cast<float>((bits >> i) & 1);
  return vec_load(lanes);
}

#define HEARTH_VEC_OPERATOR(name, op)                                                \
  inline Vec name(Vec a, Vec b) {                                                    \
    return {{a.part[0] op b.part[0], a.part[1] op b.part[1], a.part[2] op b.part[2], \
             a.part[3] op b.part[3]}};                                               \
  }
HEARTH_VEC_OPERATOR(vec_add, +)
HEARTH_VEC_OPERATOR(vec_sub, -)
HEARTH_VEC_OPERATOR(vec_mul, *)
HEARTH_VEC_OPERATOR(vec_div, /)
#undef HEARTH_VEC_OPERATOR

inline Vec vec_fma(Vec a, Vec b, Vec c) { return vec_add(vec_mul(a, b), c); }

// a < b ? x : y in each lane (y where a or b is NaN).
inline Vec vec_select_less(Vec a, Vec b, Vec x, Vec y) {
  Vec v;
  for (int i = 0; i < 4; ++i) {
    const I4 mask = a.part[i] < b.part[i];
    v.part[i] = (F4)((mask & (I4)x.part[i]) | (~mask & (I4)y.part[i]));
  }
  return v;
}
// The second operand where either is NaN, as the machine's minps and maxps.
inline Vec vec_min(Vec a, Vec b) { return vec_select_less(a, b, a, b); }
inline Vec vec_max(Vec a, Vec b) { return vec_select_less(b, a, a, b); }

inline Vec vec_abs(Vec a) {
  for (F4& part : a.part) part = (F4)((I4)part & 0x7fffffff);
  return a;
}
inline Vec vec_copy_sign(Vec magnitude, Vec sign) {
  for (int i = 0; i < 4; ++i) {
    magnitude.part[i] = (F4)(((I4)magnitude.part[i] & 0x7fffffff) |
                             ((I4)sign.part[i] & static_cast<int32_t>(0x80000000u)));
  }
  return magnitude;
}
// 2^n for the whole number n in [-126, 127] that was added to 1.5 * 2^23 (so n lies in the low
// bits).
inline Vec vec_pow2(Vec n_plus_magic) {
  for (F4& part : n_plus_magic.part) part = (F4)(((I4)part << 23) + 0x3f800000);
  return n_plus_magic;
}

// ((lane i + lane i + 8) + the same of i + 4) + the same of i + 2, then i + 1.
inline float vec_sum(Vec v) {
  const F4 a = (v.part[0] + v.part[2]) + (v.part[1] + v.part[3]);
  return (a[0] + a[2]) + (a[1] + a[3]);
}
inline float vec_max_lane(Vec v) {
  float lanes[16];
  vec_store(lanes, v);
  float largest = lanes[0];
  for (int i = 1; i < 16; ++i) largest = lanes[i] > largest ? lanes[i] : largest;
  return largest;
}

}  // namespace
}  // namespace hearth::cpu

#include "backend/cpu/kernels/scale_pow2.h"

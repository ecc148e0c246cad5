// SPDX-License-Identifier: MIT
// Sources of floats for the kernels over Vec: 16 values of a row from index i (a multiple of 16),
// or its last n < 16, for each format that weights and the KV cache can have. A decoded value is
// the codec's, bit for bit. Included after vec.<isa>.h.
#pragma once
#include "tensor/layout/blocks.h"

namespace hearth::cpu {
namespace {

struct LoadF32 {
  static Vec load(const uint8_t* row, int i) {
    return vec_load(reinterpret_cast<const float*>(row + 4 * i));
  }
  static Vec load_n(const uint8_t* row, int i, int n) {
    float lanes[16] = {};  // weights may lie at any address
    __builtin_memcpy(lanes, row + 4 * i, 4 * static_cast<unsigned long>(n));
    return vec_load(lanes);
  }
};

struct LoadF16 {
  static Vec load(const uint8_t* row, int i) { return vec_load_f16(row + 2 * i); }
  static Vec load_n(const uint8_t* row, int i, int n) { return vec_load_f16_n(row + 2 * i, n); }
};

struct LoadBF16 {
  static Vec load(const uint8_t* row, int i) { return vec_load_bf16(row + 2 * i); }
  static Vec load_n(const uint8_t* row, int i, int n) { return vec_load_bf16_n(row + 2 * i, n); }
};

// Rows of quantized formats are whole blocks of 32, so they have no rest; load_32 gives a block at
// once, whose scale is converted once.
struct LoadQ8_0 {
  static Vec load(const uint8_t* row, int i) {
    Vec two[2];
    load_32(row, i / 32 * 32, two);
    return two[i % 32 / 16];
  }
  static void load_32(const uint8_t* row, int i, Vec out[2]) {
    const uint8_t* block = row + i / 32 * static_cast<int>(sizeof(layout::BlockQ8_0));
    const Vec d = vec_set_f16(block);
    out[0] = vec_mul(vec_load_i8(block + 2), d);
    out[1] = vec_mul(vec_load_i8(block + 18), d);
  }
};

struct LoadQ4_0 {
  static Vec load(const uint8_t* row, int i) {
    Vec two[2];
    load_32(row, i / 32 * 32, two);
    return two[i % 32 / 16];
  }
  static void load_32(const uint8_t* row, int i, Vec out[2]) {
    const uint8_t* block = row + i / 32 * static_cast<int>(sizeof(layout::BlockQ4_0));
    const Vec d = vec_set_f16(block), eight = vec_set(8.0f);
    out[0] = vec_mul(vec_sub(vec_load_nibbles(block + 2, false), eight), d);
    out[1] = vec_mul(vec_sub(vec_load_nibbles(block + 2, true), eight), d);
  }
};

struct LoadQ5_1 {
  static Vec load(const uint8_t* row, int i) {
    Vec two[2];
    load_32(row, i / 32 * 32, two);
    return two[i % 32 / 16];
  }
  static void load_32(const uint8_t* row, int i, Vec out[2]) {
    const uint8_t* block = row + i / 32 * static_cast<int>(sizeof(layout::BlockQ5_1));
    const Vec d = vec_set_f16(block), m = vec_set_f16(block + 2), sixteen = vec_set(16.0f);
    for (int half = 0; half < 2; ++half) {
      const Vec fifth = vec_mul(vec_bits(load_u16(block + 4 + 2 * half)), sixteen);
      const Vec q = vec_add(vec_load_nibbles(block + 8, half == 1), fifth);
      out[half] = vec_add(vec_mul(q, d), m);
    }
  }
};

}  // namespace
}  // namespace hearth::cpu

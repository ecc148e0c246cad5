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

// Rows of quantized formats are whole blocks of 32, so they have no rest.
struct LoadQ8_0 {
  static Vec load(const uint8_t* row, int i) {
    const uint8_t* block = row + i / 32 * sizeof(layout::BlockQ8_0);
    return vec_mul(vec_load_i8(block + 2 + i % 32), vec_set(f32_from_f16(load_u16(block))));
  }
};

struct LoadQ4_0 {
  static Vec load(const uint8_t* row, int i) {
    const uint8_t* block = row + i / 32 * sizeof(layout::BlockQ4_0);
    const Vec q = vec_sub(vec_load_nibbles(block + 2, i % 32 == 16), vec_set(8.0f));
    return vec_mul(q, vec_set(f32_from_f16(load_u16(block))));
  }
};

struct LoadQ5_1 {
  static Vec load(const uint8_t* row, int i) {
    const uint8_t* block = row + i / 32 * sizeof(layout::BlockQ5_1);
    const bool high = i % 32 == 16;
    const Vec fifth = vec_mul(vec_bits(load_u16(block + (high ? 6 : 4))), vec_set(16.0f));
    const Vec q = vec_add(vec_load_nibbles(block + 8, high), fifth);
    return vec_add(vec_mul(q, vec_set(f32_from_f16(load_u16(block)))),
                   vec_set(f32_from_f16(load_u16(block + 2))));
  }
};

}  // namespace
}  // namespace hearth::cpu

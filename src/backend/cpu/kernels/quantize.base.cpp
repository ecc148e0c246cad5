// SPDX-License-Identifier: MIT
// Floats to integers in portable C++: activations for the products (ActBlock) and rows of the
// quantized KV formats. In, out: kernels/table.h; layouts: tensor/layout/blocks.h.
#include "backend/cpu/kernels/half.base.h"
#include "backend/cpu/kernels/table.h"
#include "tensor/layout/blocks.h"

namespace hearth::cpu {
namespace {

constexpr uint32_t kInfinityBits = 0x7f800000u;
constexpr float kNan = __builtin_nanf("");

// The bits of the largest magnitude; at least kInfinityBits when one is infinite or NaN, because
// bits of magnitudes order as the values do and NaN lies above infinity.
uint32_t largest_magnitude_bits(const float* x, int n) {
  uint32_t largest = 0;
  for (int i = 0; i < n; ++i) {
    const uint32_t bits = bits_of(x[i]) & 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

// To the nearest whole number, ties to even, for |x| < 2^22.
int32_t round_to_int(float x) {
  return static_cast<int32_t>(bits_of(x + 12582912.0f) - bits_of(12582912.0f));
}

SumPair sum_pair(int32_t sum) {
  return {static_cast<int16_t>(sum >> 8), static_cast<int16_t>(sum & 255)};
}

void quantize_act_block(const float* in, int n, ActBlock& out) {
  out = {};
  const uint32_t largest_bits = largest_magnitude_bits(in, n);
  const float largest = float_of(largest_bits);
  if (largest_bits >= kInfinityBits) {
    out.scale = kNan;
    return;
  }
  if (largest < 0x1p-100f) return;
  out.scale = largest / kActMax;
  const float inverse = kActMax / largest;
  for (int i = 0; i < n; ++i) out.x[i] = static_cast<int16_t>(round_to_int(in[i] * inverse));
  for (int j = 0; j < 8; ++j) {
    int32_t sums[2] = {};
    for (int i = 0; i < 32; ++i) sums[i / 16] += out.x[32 * j + i];
    out.sum16[2 * j] = sum_pair(sums[0]);
    out.sum16[2 * j + 1] = sum_pair(sums[1]);
    out.sum32[j] = sum_pair(sums[0] + sums[1]);
  }
}

void quantize_act(const float* in, int n, ActBlock* out) {
  for (int i = 0; i < n; i += kActBlock) {
    quantize_act_block(in + i, n - i < kActBlock ? n - i : kActBlock, *out++);
  }
}

// The codes of 32 values: round((x - low) / d) held in [first, last]; d is what the block stores,
// so that its own rounding to binary16 is made up for. 0 where d is 0.
void quantize_codes(const float* in, float d, float low, int first, int last, int codes[32]) {
  const float inverse = d == 0.0f ? 0.0f : 1.0f / d;
  for (int i = 0; i < 32; ++i) {
    float code = (in[i] - low) * inverse;
    code = code < static_cast<float>(last) ? code : static_cast<float>(last);
    code = code > static_cast<float>(first) ? code : static_cast<float>(first);
    codes[i] = round_to_int(code);
  }
}

bool has_nan_or_infinity(const float* in) {
  return largest_magnitude_bits(in, 32) >= kInfinityBits;
}

void store_q8_0(const float* in, int n, uint8_t* out) {
  for (int i = 0; i < n; i += 32, in += 32, out += sizeof(layout::BlockQ8_0)) {
    layout::BlockQ8_0 block = {};
    const float largest = float_of(largest_magnitude_bits(in, 32));
    block.d = f16_from_f32(has_nan_or_infinity(in) ? kNan : largest / 127.0f);
    int codes[32];
    quantize_codes(in, f32_from_f16(block.d), 0.0f, -127, 127, codes);
    for (int k = 0; k < 32; ++k) block.qs[k] = static_cast<int8_t>(codes[k]);
    __builtin_memcpy(out, &block, sizeof(block));
  }
}

// The value of largest magnitude becomes code 0 (-8): that end of the range reaches farther.
void store_q4_0(const float* in, int n, uint8_t* out) {
  for (int i = 0; i < n; i += 32, in += 32, out += sizeof(layout::BlockQ4_0)) {
    layout::BlockQ4_0 block = {};
    float extreme = 0.0f;
    for (int k = 0; k < 32; ++k) {
      extreme = __builtin_fabsf(in[k]) > __builtin_fabsf(extreme) ? in[k] : extreme;
    }
    block.d = f16_from_f32(has_nan_or_infinity(in) ? kNan : extreme / -8.0f);
    int codes[32];
    quantize_codes(in, f32_from_f16(block.d), 0.0f, -8, 7, codes);
    for (int k = 0; k < 16; ++k) {
      block.qs[k] = static_cast<uint8_t>((codes[k] + 8) | (codes[k + 16] + 8) << 4);
    }
    __builtin_memcpy(out, &block, sizeof(block));
  }
}

void store_q5_1(const float* in, int n, uint8_t* out) {
  for (int i = 0; i < n; i += 32, in += 32, out += sizeof(layout::BlockQ5_1)) {
    layout::BlockQ5_1 block = {};
    float low = in[0], high = in[0];
    for (int k = 1; k < 32; ++k) {
      low = in[k] < low ? in[k] : low;
      high = in[k] > high ? in[k] : high;
    }
    block.d = f16_from_f32(has_nan_or_infinity(in) ? kNan : (high - low) / 31.0f);
    block.m = f16_from_f32(low);
    int codes[32];
    quantize_codes(in, f32_from_f16(block.d), f32_from_f16(block.m), 0, 31, codes);
    for (int k = 0; k < 32; ++k) {
      block.qs[k % 16] |= static_cast<uint8_t>((codes[k] & 15) << (k / 16 * 4));
      block.qh[k / 8] |= static_cast<uint8_t>((codes[k] >> 4) << (k % 8));
    }
    __builtin_memcpy(out, &block, sizeof(block));
  }
}

}  // namespace

void add_quantize_base(KernelTable& table) {
  table.quantize_act = quantize_act;
  table.store_kv[static_cast<int>(KvType::kQ8_0)] = store_q8_0;
  table.store_kv[static_cast<int>(KvType::kQ4_0)] = store_q4_0;
  table.store_kv[static_cast<int>(KvType::kQ5_1)] = store_q5_1;
}

}  // namespace hearth::cpu

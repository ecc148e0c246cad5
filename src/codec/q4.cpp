// SPDX-License-Identifier: MIT
// Q4_0 (w = d * (q - 8)) and Q4_1 (w = d * q + m): 32 weights of 4 bits, one binary16 scale.
// Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q4_0(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ4_0>(row, b);
    const float d = f32_from_f16(block.d);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>((block.qs[j] & 15) - 8);
      out[j + 16] = d * static_cast<float>((block.qs[j] >> 4) - 8);
    }
  }
}

void decode_q4_1(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ4_1>(row, b);
    const float d = f32_from_f16(block.d);
    const float m = f32_from_f16(block.m);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>(block.qs[j] & 15) + m;
      out[j + 16] = d * static_cast<float>(block.qs[j] >> 4) + m;
    }
  }
}

}  // namespace hearth::codec

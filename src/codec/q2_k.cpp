// SPDX-License-Identifier: MIT
// Q2_K: 256 weights of 2 bits in 16 sub-blocks of 16, each with a 4-bit scale and a 4-bit minimum:
// w = d * scale * q - dmin * min. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q2_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b, out += kSuperBlock) {
    const auto block = load_block<BlockQ2_K>(row, b);
    const float d = f32_from_f16(block.d);
    const float dmin = f32_from_f16(block.dmin);
    for (int i = 0; i < kSuperBlock; ++i) {
      const uint8_t scale_min = block.scales[i / 16];
      const float scale = d * static_cast<float>(scale_min & 15);
      const float min = dmin * static_cast<float>(scale_min >> 4);
      // Weight i lies in byte i % 32 of its half, two bits per group of 32.
      const int q = (block.qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
      out[i] = scale * static_cast<float>(q) - min;
    }
  }
}

}  // namespace hearth::codec

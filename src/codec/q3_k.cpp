// SPDX-License-Identifier: MIT
// Q3_K: 256 weights of 3 bits in 16 sub-blocks of 16, each with a 6-bit scale:
// w = d * (scale - 32) * (q - 4). Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {
namespace {

using namespace layout;

// Low four bits of scale j: nibble j / 8 of byte j % 8. High two: bits 2 (j / 4) of byte 8 + j % 4.
int scale_code(const BlockQ3_K& block, int j) {
  const int low = (block.scales[j % 8] >> (j / 8 * 4)) & 15;
  const int high = (block.scales[8 + j % 4] >> (j / 4 * 2)) & 3;
  return low | (high << 4);
}

}  // namespace

void decode_q3_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b, out += kSuperBlock) {
    const auto block = load_block<BlockQ3_K>(row, b);
    const float d = f32_from_f16(block.d);
    for (int i = 0; i < kSuperBlock; ++i) {
      const float scale = d * static_cast<float>(scale_code(block, i / 16) - 32);
      const int low = (block.qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
      const int high = (block.hmask[i % 32] >> (i / 32)) & 1;
      out[i] = scale * static_cast<float>((low | (high << 2)) - 4);
    }
  }
}

}  // namespace hearth::codec

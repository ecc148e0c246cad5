// SPDX-License-Identifier: MIT
// Q5_K: 256 weights of 5 bits in 8 sub-blocks of 32, each with a 6-bit scale and a 6-bit minimum:
// w = d * scale * q - dmin * min. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "codec/packed_scales.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q5_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    const auto block = load_block<BlockQ5_K>(row, b);
    const float d = f32_from_f16(block.d);
    const float dmin = f32_from_f16(block.dmin);
    for (int j = 0; j < 8; ++j, out += 32) {
      const ScaleMin pair = unpack_scale_min(block.scales, j);
      const float scale = d * static_cast<float>(pair.scale);
      const float min = dmin * static_cast<float>(pair.min);
      const uint8_t* bytes = block.qs + j / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        const int low = (bytes[i] >> (j % 2 * 4)) & 15;
        const int high = (block.qh[i] >> j) & 1;
        out[i] = scale * static_cast<float>(low | (high << 4)) - min;
      }
    }
  }
}

}  // namespace hearth::codec

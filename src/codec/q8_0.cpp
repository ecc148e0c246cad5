// SPDX-License-Identifier: MIT
// Q8_0: 32 weights of 8 bits, w = d * q. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q8_0(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ8_0>(row, b);
    const float d = f32_from_f16(block.d);
    for (int j = 0; j < kSmallBlock; ++j) out[j] = d * static_cast<float>(block.qs[j]);
  }
}

}  // namespace hearth::codec

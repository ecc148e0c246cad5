// SPDX-License-Identifier: MIT
// MXFP4: 32 weights in FP4 (E2M1) with one shared power of two: w = 2^(e - 127) * fp4[q].
// Source: OCP Microscaling Formats v1.0, sections 5.3.3 and 6.3; docs/formats/weights.md.
#include <bit>

#include "codec/formats.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {
namespace {

using namespace layout;

// 2^(e - 128), the factor of the doubled FP4 values. The specification reserves e = 255 for NaN;
// the writers and readers of GGUF files take it as an exponent, and so do we.
float half_scale(uint8_t e) {
  if (e < 2) return std::bit_cast<float>(0x00200000u << e);  // subnormal: 2^-128, 2^-127
  return std::bit_cast<float>(static_cast<uint32_t>(e - 1) << 23);
}

}  // namespace

void decode_mxfp4(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockMXFP4>(row, b);
    const float scale = half_scale(block.e);
    for (int j = 0; j < 16; ++j) {
      out[j] = scale * static_cast<float>(kFp4DoubledValues[block.qs[j] & 15]);
      out[j + 16] = scale * static_cast<float>(kFp4DoubledValues[block.qs[j] >> 4]);
    }
  }
}

}  // namespace hearth::codec

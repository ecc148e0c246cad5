// SPDX-License-Identifier: MIT
// MXFP4: 32 weights in FP4 (E2M1) with one shared power of two: w = 2^(e - 127) * fp4[q].
// Source: OCP Microscaling Formats v1.0, sections 5.3.3 and 6.3; docs/formats/weights.md.
#include <bit>
#include <cmath>
#include <limits>

#include "codec/formats.h"
#include "codec/small_group.h"
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

// The FP4 values in ascending order, doubled, and the nibble of each.
constexpr int8_t kAscending[15] = {-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};
constexpr uint8_t kNibbles[15] = {15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7};

// The specification takes the largest weight's exponent less 2, which cuts weights between 6 and 8
// times the scale; one step up loses fine steps instead. The lower error decides, among these and
// one step down.
uint8_t best_exponent(const Grid& grid, const SmallGroup& group) {
  float largest = 0;
  for (const float value : group.x) largest = std::max(largest, std::fabs(value));
  if (largest == 0) return 0;
  const int middle = std::ilogb(largest) - 2 + 127;
  std::array<uint8_t, kSmallBlock> codes;
  double best_error = std::numeric_limits<double>::infinity();
  int best = 0;
  for (int e = middle - 1; e <= middle + 1; ++e) {
    const auto exponent = static_cast<uint8_t>(std::clamp(e, 0, 254));
    const double error =
        assign_codes(grid, group.x, group.w, half_scale(exponent), 0, codes.data());
    if (error < best_error) best = exponent, best_error = error;
  }
  return static_cast<uint8_t>(best);
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

void encode_mxfp4(const float* in, const float* importance, int64_t n, uint8_t* row) {
  const Grid grid{std::span(kAscending)};
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const uint8_t e = best_exponent(grid, group);
    const auto codes = group.codes(grid, {half_scale(e), 0, 0});
    BlockMXFP4 block{};
    block.e = e;
    for (int j = 0; j < 16; ++j) {
      block.qs[j] = static_cast<uint8_t>(kNibbles[codes[j]] | (kNibbles[codes[j + 16]] << 4));
    }
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec

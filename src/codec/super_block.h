// SPDX-License-Identifier: MIT
// Encoding of super-blocks: 256 weights in sub-blocks, whose scales (and minima) are themselves
// small whole numbers times a binary16 of the super-block.
// Method: the best real-valued parameters of each sub-block (fit.h); a line of super-block scales,
// scored by the curvature of each sub-block's error; then alternation between the sub-blocks' whole
// numbers (by true error, neighbours of the nearest) and the super-block's scales (least squares).
#pragma once
#include <array>
#include <cstdint>

#include "codec/grid.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

inline constexpr int kMaxSubBlocks = 16;

// w = d * scale[j] * value(code).
struct ScaledSuper {
  float d = 0;  // a binary16 value
  std::array<int, kMaxSubBlocks> scale{};
  std::array<uint8_t, layout::kSuperBlock> codes{};
  double error = 0;
};

// w = d * scale[j] * code - dmin * min[j], all of them >= 0.
struct AffineSuper {
  float d = 0, dmin = 0;  // binary16 values
  std::array<int, kMaxSubBlocks> scale{};
  std::array<int, kMaxSubBlocks> min{};
  std::array<uint8_t, layout::kSuperBlock> codes{};
  double error = 0;
};

// x and w: 256 values. Scales of the sub-blocks lie in [scale_low, scale_high].
ScaledSuper encode_scaled(const Grid& grid, int sub_size, int scale_low, int scale_high,
                          const float* x, const float* w);

// Codes 0 to max_code, scales and minima 0 to max_scale.
AffineSuper encode_affine(int max_code, int sub_size, int max_scale, const float* x,
                          const float* w);

}  // namespace hearth::codec

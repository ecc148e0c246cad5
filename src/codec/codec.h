// SPDX-License-Identifier: MIT
// Weight rows to floats and back, for every format of tensor/dtype.h.
// Decode is the reference: straight loops in the order of the format's text, bit for bit what the
// formats' original implementation gives. Encode minimises the squared error of what decode will
// read back. Layouts and formulas: docs/formats/weights.md. Thread rule: pure functions, any
// thread.
#pragma once
#include <cstdint>
#include <span>

#include "base/result.h"
#include "tensor/dtype.h"

namespace hearth::codec {

// The largest magnitude that encode_row takes for the block formats, whose scales are mostly
// binary16; no trained weight is near it. F16 and BF16 take what does not round to infinity.
inline constexpr float kMaxWeight = 65504.0f;

// Decodes a row of out.size() weights, a multiple of the format's block_weights. `row` is exactly
// row_bytes(type, out.size()) long and needs no alignment. Scales that are NaN or infinite decode
// to NaN or infinity.
void decode_row(DType type, std::span<const uint8_t> row, std::span<float> out);

// Encodes a row: the sizes are as in decode_row. Minimises the sum over the row of
// importance[i] * (in[i] - decoded[i])^2; an empty `importance` stands for ones, as does a block
// whose importance is 0 everywhere; none counts for less than a millionth of its block's mean.
// Error (kInvalid, names the position) where a
// weight is NaN, infinite or too large for the format, or where an importance is negative or not
// finite; `row` is then unspecified. Deterministic.
Status encode_row(DType type, std::span<const float> in, std::span<uint8_t> row,
                  std::span<const float> importance = {});

}  // namespace hearth::codec

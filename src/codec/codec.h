// SPDX-License-Identifier: MIT
// Weight rows to floats, for every format of tensor/dtype.h.
// Decode is the reference: straight loops in the order of the format's text, bit for bit what the
// formats' original implementation gives.  Layouts and formulas: docs/formats/weights.md. Thread
// rule: pure functions, any thread.
#pragma once
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace hearth::codec {

// Decodes a row of out.size() weights, a multiple of the format's block_weights. `row` is exactly
// row_bytes(type, out.size()) long and needs no alignment. Scales that are NaN or infinite decode
// to NaN or infinity.
void decode_row(DType type, std::span<const uint8_t> row, std::span<float> out);

}  // namespace hearth::codec

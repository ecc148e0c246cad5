// SPDX-License-Identifier: MIT
#include "backend/ref/rows.h"

#include "codec/codec.h"

namespace hearth::ref {

void WeightView::row(int64_t i, std::span<float> out) const {
  CHECK(i >= 0 && i < n_rows && out.size() == static_cast<size_t>(n_cols));
  const int64_t bytes = row_bytes(type, n_cols);
  codec::decode_row(type, {data + i * bytes, static_cast<size_t>(bytes)}, out);
}

std::vector<float> WeightView::values() const {
  const auto width = static_cast<size_t>(n_cols);
  std::vector<float> out(static_cast<size_t>(n_rows) * width);
  for (int64_t i = 0; i < n_rows; ++i) {
    row(i, std::span(out).subspan(static_cast<size_t>(i) * width, width));
  }
  return out;
}

}  // namespace hearth::ref

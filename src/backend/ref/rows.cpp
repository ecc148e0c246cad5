// SPDX-License-Identifier: MIT
#include "backend/ref/rows.h"

#include "codec/codec.h"

namespace hearth::ref {

std::vector<float> WeightView::row(int64_t i) const {
  CHECK(i >= 0 && i < n_rows);
  const int64_t bytes = row_bytes(type, n_cols);
  std::vector<float> out(static_cast<size_t>(n_cols));
  codec::decode_row(type, {data + i * bytes, static_cast<size_t>(bytes)}, out);
  return out;
}

std::vector<float> WeightView::values() const {
  std::vector<float> out;
  for (int64_t i = 0; i < n_rows; ++i) {
    const std::vector<float> one = row(i);
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

}  // namespace hearth::ref

// SPDX-License-Identifier: MIT
// Views that the reference operations take: float matrices with a stride, and weights in their
// file's layout. They own nothing.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "graph/graph.h"
#include "tensor/dtype.h"

namespace hearth::ref {

// n rows of `width` values, `stride` values from row to row.
template <class T>
struct RowsOf {
  T* data = nullptr;
  int64_t n = 0;
  int64_t width = 0;
  int64_t stride = 0;

  RowsOf() = default;
  RowsOf(T* first, int64_t n_rows, int64_t row_width, int64_t row_stride)
      : data(first), n(n_rows), width(row_width), stride(row_stride) {}
  // Rows without gaps.
  RowsOf(T* first, int64_t n_rows, int64_t row_width)
      : RowsOf(first, n_rows, row_width, row_width) {}

  std::span<T> row(int64_t i) const {
    CHECK(i >= 0 && i < n);
    return {data + i * stride, static_cast<size_t>(width)};
  }
};
using Rows = RowsOf<const float>;
using MutableRows = RowsOf<float>;

// A weight matrix [n_rows, n_cols] as it lies in the file, rows without gaps.
struct WeightView {
  DType type = DType::kF32;
  const uint8_t* data = nullptr;
  int64_t n_rows = 0;
  int64_t n_cols = 0;

  // All rows of a tensor, the leading dimensions joined.
  static WeightView of(const graph::WeightRef& weight) {
    return {weight.type, weight.data, weight.shape.rows(), weight.shape.cols()};
  }
  // Rows [begin, begin + n).
  WeightView rows(int64_t begin, int64_t n) const {
    CHECK(begin >= 0 && n >= 0 && n <= n_rows - begin);
    return {type, data + begin * row_bytes(type, n_cols), n, n_cols};
  }
  // Row i as floats, n_cols of them.
  void row(int64_t i, std::span<float> out) const;
  // Every value, row by row.
  std::vector<float> values() const;
};

}  // namespace hearth::ref

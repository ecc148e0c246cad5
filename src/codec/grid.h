// SPDX-License-Identifier: MIT
// The steps that a format's codes can take: whole numbers in ascending order, either every one of a
// range or a table. A weight is scale * value(code) + offset.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

namespace hearth::codec {

class Grid {
 public:
  // Every whole number from `lo` to `hi`.
  constexpr Grid(int lo, int hi) : lo_(lo), n_(hi - lo + 1) {}
  // The given numbers, ascending; they outlive the grid.
  constexpr explicit Grid(std::span<const int8_t> values)
      : table_(values.data()), lo_(values.front()), n_(static_cast<int>(values.size())) {}

  int size() const { return n_; }
  int value(int code) const { return table_ ? table_[code] : lo_ + code; }
  int lowest() const { return lo_; }
  int highest() const { return value(n_ - 1); }
  // The mean distance between neighbours.
  float step() const {
    return static_cast<float>(highest() - lowest()) / static_cast<float>(n_ - 1);
  }

  // The code whose value is nearest to `position`; NaN gives some code.
  int nearest(float position) const {
    if (!table_) {
      const float shifted = position - static_cast<float>(lo_) + 0.5f;
      const float top = static_cast<float>(n_) - 0.5f;
      return shifted >= 0.0f ? static_cast<int>(std::min(shifted, top)) : 0;
    }
    int code = 0;
    for (int i = 1; i < n_; ++i) {
      code += position * 2 > static_cast<float>(table_[i - 1] + table_[i]);
    }
    return code;
  }

 private:
  const int8_t* table_ = nullptr;
  int lo_;
  int n_;
};

}  // namespace hearth::codec

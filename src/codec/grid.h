// SPDX-License-Identifier: MIT
// The steps that a format's codes can take: whole numbers in ascending order, either every one of a
// range or a table. A weight is scale * value(code) + offset.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "base/check.h"

namespace hearth::codec {

class Grid {
 public:
  // Every whole number from `lo` to `hi`.
  Grid(int lo, int hi) : lo_(lo), n_(hi - lo + 1) {}
  // The given numbers, at most 16, ascending; they outlive the grid.
  explicit Grid(std::span<const int8_t> values)
      : table_(values.data()), lo_(values.front()), n_(static_cast<int>(values.size())) {
    CHECK(n_ <= 16);
    middles_.fill(std::numeric_limits<float>::infinity());
    for (size_t i = 1; i < values.size(); ++i) {
      middles_[i - 1] = static_cast<float>(values[i - 1] + values[i]) / 2;
    }
  }

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
    // Four halvings of the 15 middles between neighbours: no branch depends on the weight.
    size_t code = position > middles_[7] ? 8 : 0;
    code += position > middles_[code + 3] ? 4 : 0;
    code += position > middles_[code + 1] ? 2 : 0;
    code += position > middles_[code] ? 1 : 0;
    return static_cast<int>(code);
  }

 private:
  const int8_t* table_ = nullptr;
  int lo_;
  int n_;
  std::array<float, 15> middles_{};  // infinity beyond the last
};

}  // namespace hearth::codec

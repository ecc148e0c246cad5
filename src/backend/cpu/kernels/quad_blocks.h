// SPDX-License-Identifier: MIT
// Where the four blocks of a quad (dot_groups.h) lie. Inner part of quads.<isa>.h.
#pragma once
#include <stdint.h>

namespace hearth::cpu {
namespace {

// A pointer: four blocks of one row behind each other. TwoRows: the last one or two blocks of each
// of two rows; where there is one, it stands in for the other.
struct TwoRows {
  const uint8_t* row[2];
  int second;  // bytes from a row's first block to its other one; 0: there is one
};
inline TwoRows operator+(TwoRows rows, int n_bytes) {
  return {{rows.row[0] + n_bytes, rows.row[1] + n_bytes}, rows.second};
}

template <int kStride>
inline const uint8_t* block_at(const uint8_t* first, int i) {
  return first + i * kStride;
}
template <int kStride>
inline const uint8_t* block_at(const TwoRows& rows, int i) {
  return rows.row[i / 2] + i % 2 * rows.second;
}

}  // namespace
}  // namespace hearth::cpu

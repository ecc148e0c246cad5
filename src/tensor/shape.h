// SPDX-License-Identifier: MIT
// The shape of a tensor: up to four dimensions, row-major, fastest last (a matrix product's weight
// is [rows, cols]). GGUF files list dimensions fastest first; file/ turns them round.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace hearth {

struct Shape {
  static constexpr int kMaxRank = 4;

  std::array<int64_t, kMaxRank> dims{};  // dims[0 .. rank)
  int rank = 0;

  Shape() = default;
  Shape(std::initializer_list<int64_t> list);

  int64_t operator[](int i) const { return dims[static_cast<size_t>(i)]; }
  int64_t cols() const { return rank == 0 ? 1 : dims[static_cast<size_t>(rank - 1)]; }
  // Rows of length cols() in the whole tensor.
  int64_t rows() const;
  int64_t elements() const { return rows() * cols(); }
  bool operator==(const Shape&) const = default;
};

// "[1536, 8960]".
std::string to_string(const Shape& shape);

}  // namespace hearth

// SPDX-License-Identifier: MIT
#include "tensor/shape.h"

#include "base/check.h"

namespace hearth {

Shape::Shape(std::initializer_list<int64_t> list) {
  CHECK(list.size() <= kMaxRank);
  for (const int64_t dim : list) dims[static_cast<size_t>(rank++)] = dim;
}

int64_t Shape::rows() const {
  int64_t product = 1;
  for (int i = 0; i + 1 < rank; ++i) product *= dims[static_cast<size_t>(i)];
  return product;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int i = 0; i < shape.rank; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace hearth

// SPDX-License-Identifier: MIT
#include "text/jinja/sorting.h"

#include <algorithm>
#include <numeric>

#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {

// Merge sort from the bottom up, so that an error can leave at any comparison.
Result<std::vector<size_t>> sorted_order(Interpreter& in, const std::vector<Value>& keys,
                                         bool reverse) {
  std::vector<size_t> order(keys.size()), merged(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t width = 1; width < order.size(); width *= 2) {
    for (size_t begin = 0; begin < order.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, order.size());
      const size_t end = std::min(begin + 2 * width, order.size());
      size_t left = begin, right = middle;
      for (size_t at = begin; at < end; ++at) {
        bool take_right = left == middle;
        if (left < middle && right < end) {
          const Value& a = keys[order[left]];
          const Value& b = keys[order[right]];
          TRY_LET(take_right, in.in_order(Order::kLess, reverse ? a : b, reverse ? b : a));
        }
        merged[at] = take_right ? order[right++] : order[left++];
      }
    }
    order.swap(merged);
  }
  return order;
}

}  // namespace hearth::text::jinja

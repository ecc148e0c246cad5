// SPDX-License-Identifier: MIT
// The last tokens of a sequence, newest first: a ring of fixed capacity, allocated once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hearth::sample {

class History {
 public:
  explicit History(size_t capacity) : ring_(capacity) {}

  void push(int32_t id) {
    if (ring_.empty()) return;
    ring_[next_] = id;
    next_ = next_ + 1 == ring_.size() ? 0 : next_ + 1;
    if (size_ < ring_.size()) ++size_;
  }

  void clear() { next_ = size_ = 0; }
  size_t size() const { return size_; }
  size_t capacity() const { return ring_.size(); }

  // The i-th token from the end; 0 is the newest. i < size().
  int32_t back(size_t i) const {
    const size_t place = next_ + ring_.size() - 1 - i;
    return ring_[place < ring_.size() ? place : place - ring_.size()];
  }

 private:
  std::vector<int32_t> ring_;
  size_t next_ = 0;  // where the next token goes
  size_t size_ = 0;
};

}  // namespace hearth::sample

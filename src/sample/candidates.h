// SPDX-License-Identifier: MIT
// The tokens still in the running for one step. Sorted only as far as somebody needs: a full sort
// of 262 k tokens costs more than the step's whole budget, so a prefix is grown by selection.
// In: logits of shape [V], -infinity = out. Rank: higher logit first, equal logits by lower id.
// Buffers are kept between steps; nothing is allocated once they have grown.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hearth::sample {

struct Candidate {
  int32_t id = 0;
  double logit = 0;
  double p = 0;  // set by softmax()
};

inline bool ranks_before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Sorts items[from, to) so that it continues a sorted prefix [0, from) of the whole order. A total
// order makes the result independent of how the library selects.
template <class T, class Less>
void extend_sorted(std::vector<T>& items, size_t from, size_t to, Less less) {
  const auto begin = items.begin();
  const auto first = begin + static_cast<std::ptrdiff_t>(from);
  const auto last = begin + static_cast<std::ptrdiff_t>(to);
  if (to < items.size()) std::nth_element(first, last, items.end(), less);
  std::sort(first, last, less);
}

class Candidates {
 public:
  // All tokens above -infinity, in the order of their ids.
  void take_all(std::span<const float> logits);

  // The k best, sorted. One pass in which nearly all tokens fail one comparison; at worst linear.
  void take_top(std::span<const float> logits, size_t k);

  // Makes the first `n` (or all, if fewer) sorted.
  void sort_prefix(size_t n);

  // Doubles the sorted prefix, for walks that do not know how far they go.
  void grow_sorted() { sort_prefix(std::max<size_t>(256, n_sorted_ * 2)); }

  // p of each = its share of the sum of exp(logit).
  void softmax();

  // The first n of the sorted prefix stay.
  void keep_first(size_t n);

  // Those for which keep(candidate) is true stay, in their order.
  template <class Keep>
  void keep_if(Keep keep) {
    size_t kept = 0;
    size_t kept_sorted = 0;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (!keep(items_[i])) continue;
      if (i < n_sorted_) ++kept_sorted;
      items_[kept++] = items_[i];
    }
    items_.resize(kept);
    n_sorted_ = kept_sorted;
  }

  // Logits become (logit - highest) * factor; an infinite factor leaves the highest alone at 0.
  void rescale(double factor);

  const Candidate& best() const;
  size_t capacity() const { return items_.capacity(); }
  size_t size() const { return items_.size(); }
  size_t n_sorted() const { return n_sorted_; }
  const Candidate& operator[](size_t i) const { return items_[i]; }
  std::span<const Candidate> items() const { return items_; }

 private:
  std::vector<Candidate> items_;
  size_t n_sorted_ = 0;
};

}  // namespace hearth::sample

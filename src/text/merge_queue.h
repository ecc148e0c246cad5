// SPDX-License-Identifier: MIT
// What BPE and SentencePiece share: a text cut into symbols that form a list, and a queue of pairs
// of neighbours that may be merged. Pairs that a later merge has changed stay in the queue and are
// recognised by their length when they come up. One user at a time; reusable, to save allocations.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hearth::text {

struct Symbol {
  static constexpr uint32_t kEnd = UINT32_MAX;
  uint32_t prev;
  uint32_t next;
  uint32_t begin;
  uint32_t n_bytes;  // 0: merged into the one before
  uint64_t hash;     // of its bytes
};

// Order: smallest key first, among equals the leftmost.
template <class Key>
class MergeQueue {
 public:
  struct Pair {
    Key key;
    uint32_t left;
    uint32_t right;
    uint32_t n_bytes;
  };

  std::vector<Symbol>& symbols() { return symbols_; }

  void clear() {
    symbols_.clear();
    heap_.clear();
  }
  void add_symbol(uint32_t begin, uint32_t n_bytes, uint64_t hash) {
    const uint32_t i = static_cast<uint32_t>(symbols_.size());
    if (i > 0) symbols_.back().next = i;
    symbols_.push_back({i > 0 ? i - 1 : Symbol::kEnd, Symbol::kEnd, begin, n_bytes, hash});
  }
  void push(Key key, uint32_t left, uint32_t right) {
    heap_.push_back({key, left, right, symbols_[left].n_bytes + symbols_[right].n_bytes});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  // Takes pairs in order; merges each that still stands and tells `merged` the symbol that grew.
  template <class Merged>
  void run(Merged merged) {
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      const Pair pair = heap_.back();
      heap_.pop_back();
      Symbol& left = symbols_[pair.left];
      Symbol& right = symbols_[pair.right];
      if (left.n_bytes == 0 || right.n_bytes == 0) continue;
      if (left.n_bytes + right.n_bytes != pair.n_bytes) continue;
      left.n_bytes = pair.n_bytes;
      right.n_bytes = 0;
      left.next = right.next;
      if (right.next != Symbol::kEnd) symbols_[right.next].prev = pair.left;
      merged(pair.left);
    }
  }

 private:
  static bool later(const Pair& a, const Pair& b) {
    return b.key < a.key || (!(a.key < b.key) && a.left > b.left);
  }

  std::vector<Symbol> symbols_;
  std::vector<Pair> heap_;
};

// Offsets inside one piece of text are 32 bits: a longer word is cut into pieces of this size.
inline constexpr size_t kMaxPieceBytes = size_t{1} << 31;

}  // namespace hearth::text

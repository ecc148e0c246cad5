// SPDX-License-Identifier: MIT
// Work by column in pieces: a thread takes its share (shares.h) piece by piece, and who has none
// left takes pieces of others, so that a thread that the system stops for a moment holds up nobody
// for longer than one piece. No result depends on who computed a piece.
// Thread rule: every thread calls work() for the same steps in the same order, with the same total
// and least; wait_for_own() and helped_ns() at any time, each for itself or, between runs, for all.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "backend/cpu/shares.h"
#include "base/clock.h"
#include "base/function_ref.h"

namespace hearth::cpu {

// Where pieces begin, apart from the share's own end: kernels work on up to 64 rows of weights at
// once.
constexpr int64_t kPieceMultiple = 64;

// Piece `i` of a share: each is half of what is left, until less than twice `least` is. Empty past
// the last one.
Slice piece_of(const Slice& share, int i, int64_t least);

class Pieces {
 public:
  explicit Pieces(int n_threads) : threads_(static_cast<size_t>(n_threads)) {}

  // Calls f with pieces of [0, total), each given to one thread, until all are taken; others may
  // still be at theirs then. Shares start at multiples of `multiple`; what is too small for pieces
  // of `least` goes in whole shares.
  void work(const Shares& shares, int64_t total, int64_t multiple, int64_t least, int thread,
            FunctionRef<void(const Slice&)> f);

  // Returns when the thread's whole share of the steps before is done, whoever does it; what was
  // written there is visible then.
  void wait_for_own(int thread);

  // How long a thread has worked for others since this was made.
  int64_t helped_ns(int thread) const {
    return threads_[static_cast<size_t>(thread)].helped_ns.load(std::memory_order_relaxed);
  }

 private:
  // On cache lines of its own.
  struct alignas(64) Thread {
    // The step whose pieces are given out, by number, and how many of this thread's share have
    // been: step << kPieceBits | pieces. Whoever comes first begins a step.
    std::atomic<uint64_t> given{0};
    std::atomic<int> helpers{0};  // others that are at this thread's pieces, or about to take one
    std::atomic<int64_t> helped_ns{0};
    uint64_t step = 0;  // this thread's alone
  };
  static constexpr int kPieceBits = 8;

  // The number of the next piece of `owner`'s share, n_pieces where all are given.
  int take(int owner, uint64_t step, int n_pieces);
  // Does what is left of another thread's share.
  void help(int thread, int other, uint64_t step, const Slice& share, int64_t least,
            FunctionRef<void(const Slice&)> f);

  std::vector<Thread> threads_;
};

}  // namespace hearth::cpu

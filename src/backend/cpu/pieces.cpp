// SPDX-License-Identifier: MIT
#include "backend/cpu/pieces.h"

#include <algorithm>
#include <thread>

#include "base/check.h"

namespace hearth::cpu {
namespace {

// A thread waits for a piece that another has begun: short, unless that one was stopped.
constexpr int kLooksBeforeYield = 256;
// Of one share, which is halved so often.
constexpr int kMostPieces = 64;

int n_pieces_of(const Slice& share, int64_t least) {
  int n = 0;
  while (!piece_of(share, n, least).empty()) ++n;
  CHECK(n <= kMostPieces);
  return n;
}

}  // namespace

Slice piece_of(const Slice& share, int i, int64_t least) {
  Slice piece{share.begin, share.begin};
  for (int k = 0; k <= i; ++k) {
    piece.begin = piece.end;
    const int64_t left = share.end - piece.begin;
    const int64_t half = (left / 2 + kPieceMultiple - 1) / kPieceMultiple * kPieceMultiple;
    piece.end = left >= 2 * least && half < left ? piece.begin + half : share.end;
  }
  return piece;
}

int Pieces::take(int owner, uint64_t step, int n_pieces) {
  std::atomic<uint64_t>& given = threads_[static_cast<size_t>(owner)].given;
  uint64_t seen = given.load(std::memory_order_acquire);
  while (true) {
    // Nobody is at a later step while there are pieces of this one.
    if (seen >> kPieceBits > step) return n_pieces;
    const uint64_t begun = std::max(seen, step << kPieceBits);
    const auto i = static_cast<int>(begun & ((1u << kPieceBits) - 1));
    if (i >= n_pieces) return n_pieces;
    if (given.compare_exchange_weak(seen, begun + 1, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return i;
    }
  }
}

void Pieces::work(const Shares& shares, int64_t total, int64_t multiple, int64_t least, int thread,
                  FunctionRef<void(const Slice&)> f) {
  const auto n_threads = static_cast<int>(threads_.size());
  Thread& self = threads_[static_cast<size_t>(thread)];
  const Slice own = shares.part(total, thread, multiple);
  if (n_threads == 1 || total < 2 * least * n_threads) {
    if (!own.empty()) f(own);
    return;
  }
  const uint64_t step = ++self.step;
  const int n_own = n_pieces_of(own, least);
  for (int i = take(thread, step, n_own); i < n_own; i = take(thread, step, n_own)) {
    f(piece_of(own, i, least));
  }
  for (int k = 1; k < n_threads; ++k) {
    const int other = (thread + k) % n_threads;
    help(thread, other, step, shares.part(total, other, multiple), least, f);
  }
}

void Pieces::help(int thread, int other, uint64_t step, const Slice& share, int64_t least,
                  FunctionRef<void(const Slice&)> f) {
  Thread& helped = threads_[static_cast<size_t>(other)];
  const int n_pieces = n_pieces_of(share, least);
  const auto take_one = [&] {
    // Known before the piece is taken: who finds no piece left finds the helper.
    helped.helpers.fetch_add(1, std::memory_order_relaxed);
    const int i = take(other, step, n_pieces);
    if (i == n_pieces) helped.helpers.fetch_sub(1, std::memory_order_relaxed);
    return i;
  };
  int i = take_one();
  if (i == n_pieces) return;
  const Stopwatch watch;
  for (; i < n_pieces; i = take_one()) {
    f(piece_of(share, i, least));
    helped.helpers.fetch_sub(1, std::memory_order_release);
  }
  std::atomic<int64_t>& helped_ns = threads_[static_cast<size_t>(thread)].helped_ns;
  helped_ns.store(helped_ns.load(std::memory_order_relaxed) + watch.elapsed_ns(),
                  std::memory_order_relaxed);
}

void Pieces::wait_for_own(int thread) {
  const Thread& self = threads_[static_cast<size_t>(thread)];
  for (int looks = 1; self.helpers.load(std::memory_order_acquire) != 0; ++looks) {
    if (looks % kLooksBeforeYield == 0) std::this_thread::yield();
  }
}

}  // namespace hearth::cpu

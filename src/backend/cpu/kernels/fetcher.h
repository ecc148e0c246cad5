// SPDX-License-Identifier: MIT
// Reading ahead for kernels that compute longer than a processor's own prefetchers look ahead.
#pragma once
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// Fetches a run of memory into the second-level cache, a few lines with each of a kernel's steps.
// Evenly, because what a core waits for in its first-level cache shares few places with what is
// fetched: sixteen lines at once hold up the computing, four do not. One line from each quarter of
// the run, because one stream alone does not take all of the bandwidth (limits.h).
class Fetcher {
 public:
  Fetcher(const Ahead& ahead, int64_t n_steps)
      : at_(ahead.at),
        quarter_(static_cast<uint64_t>(ahead.bytes + 255) / 256 * 64),
        step_(n_steps > 0 ? quarter_ * kUnit / static_cast<uint64_t>(n_steps) + 1 : 0) {}
  HEARTH_INLINE void step() {
    for (due_ += step_; done_ < due_; done_ += 64 * kUnit) {
      const uint8_t* const line = at_ + done_ / kUnit;
      __builtin_prefetch(line, 0, 2);
      __builtin_prefetch(line + quarter_, 0, 2);
      __builtin_prefetch(line + 2 * quarter_, 0, 2);
      __builtin_prefetch(line + 3 * quarter_, 0, 2);
    }
  }

  // A copy for a loop, each number in a register of its own: g++ 12 copies pairs of them to vector
  // registers, and lets them stay there instead of a kernel's sums.
  HEARTH_INLINE Fetcher in_registers() const {
    Fetcher copy = *this;
    asm(""
        : "+r"(copy.at_), "+r"(copy.quarter_), "+r"(copy.step_), "+r"(copy.done_), "+r"(copy.due_));
    return copy;
  }
  // Goes on where the copy ended.
  HEARTH_INLINE void resume(const Fetcher& copy) {
    done_ = copy.done_;
    asm("" : "+r"(done_));
    due_ = copy.due_;
  }

 private:
  static constexpr uint64_t kUnit = 256;  // parts of a byte, so that many steps share one line

  const uint8_t* at_;
  uint64_t quarter_;             // bytes
  uint64_t step_;                // of each quarter, in parts of a byte
  uint64_t done_ = 0, due_ = 0;  // likewise
};

}  // namespace
}  // namespace hearth::cpu

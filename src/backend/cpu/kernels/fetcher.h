// SPDX-License-Identifier: MIT
// Reading ahead for kernels that compute longer than a processor's own prefetchers look ahead.
#pragma once
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// Fetches a run of memory into the second-level cache, a few lines with each of a kernel's steps.
// Evenly, because what a core waits for in its first-level cache shares few places with what is
// fetched: sixteen lines at once hold up the computing, one or two never do.
class Fetcher {
 public:
  Fetcher(const Ahead& ahead, int64_t n_steps)
      : at_(ahead.at),
        due_(ahead.at),
        step_(n_steps > 0 ? (ahead.bytes + n_steps - 1) / n_steps : 0) {}
  HEARTH_INLINE void step() {
    for (due_ += step_; at_ < due_; at_ += 64) __builtin_prefetch(at_, 0, 2);
  }

 private:
  const uint8_t* at_;
  const uint8_t* due_;
  int64_t step_;  // bytes
};

}  // namespace
}  // namespace hearth::cpu

// SPDX-License-Identifier: MIT
// Time that only goes forward, for durations. Thread-safe.
#pragma once
#include <chrono>
#include <cstdint>

namespace hearth {

using Clock = std::chrono::steady_clock;

// Starts when it is made.
class Stopwatch {
 public:
  double elapsed_ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  }
  int64_t elapsed_ns() const { return std::chrono::nanoseconds(Clock::now() - start_).count(); }
  void restart() { start_ = Clock::now(); }

 private:
  Clock::time_point start_ = Clock::now();
};

}  // namespace hearth

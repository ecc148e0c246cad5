// SPDX-License-Identifier: MIT
// One line on the terminal that says how far a long work is, and how fast it goes; silent where
// standard error is no terminal. Erased when it ends. One thread.
#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace hearth::cli {

enum class ProgressUnit { kBytes, kCount };

class ProgressLine {
 public:
  explicit ProgressLine(std::string stage, ProgressUnit unit = ProgressUnit::kBytes);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(uint64_t done, uint64_t total);
  bool visible() const { return visible_; }

 private:
  std::string stage_;
  ProgressUnit unit_;
  bool visible_;
  double next_ms_ = 0;
  Stopwatch clock_;
};

}  // namespace hearth::cli

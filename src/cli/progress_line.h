// SPDX-License-Identifier: MIT
// One line on the terminal that says how far a long work is; silent where standard error is no
// terminal. Erased when it ends. One thread.
#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace hearth::cli {

class ProgressLine {
 public:
  explicit ProgressLine(std::string stage);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(uint64_t done, uint64_t total);  // bytes

 private:
  std::string stage_;
  bool visible_;
  double next_ms_ = 0;
  Stopwatch clock_;
};

}  // namespace hearth::cli

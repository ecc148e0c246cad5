// SPDX-License-Identifier: MIT
// Ctrl-C as something to be asked for, instead of the end of the process.
#pragma once
#include <atomic>

namespace hearth::os {

// While one lives, SIGINT counts presses. The count is read by pressed() and presses(); the third
// press that nobody cleared ends the process with status 130, so that a hang can be left. A system
// call that waits (read of the keyboard) returns with EINTR. Restores the former handling when it
// ends. At most one at a time; any thread may ask.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool pressed() const { return presses() > 0; }
  int presses() const;
  void clear();

  // True from the first press until clear(): for loops that take a flag. Lives for ever.
  static const std::atomic<bool>& flag();
};

}  // namespace hearth::os

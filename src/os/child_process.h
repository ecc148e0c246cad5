// SPDX-License-Identifier: MIT
// Runs another program to its end and takes what it writes. No shell is involved: arguments arrive
// as they are. Its standard input is empty.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace hearth::os {

struct ChildOutput {
  int exit_status = 0;  // 128 + the signal's number where a signal ended it, as shells have it
  std::string out, err;
};

// `command` is the program (a path, or a name to look up in PATH) and its arguments. Keeps at most
// `max_bytes` of each stream, the rest is read and dropped. While `cancel` is set the child is
// ended and the answer is kInterrupted; may be null. Errors: the program cannot be started.
Result<ChildOutput> run_child(std::span<const std::string> command,
                              const std::atomic<bool>* cancel = nullptr,
                              uint64_t max_bytes = 16u << 20);

}  // namespace hearth::os

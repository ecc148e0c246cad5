// SPDX-License-Identifier: MIT
// Who used the processors: this process or others. Two readings, before and after, tell whether a
// measurement was disturbed. Linux: /proc/stat and /proc/self/stat; source: proc(5).
#pragma once
#include <filesystem>

#include "base/result.h"

namespace hearth::os {

// Since the system's, and the process's, start.
struct CpuTime {
  double all_s = 0;  // of everybody on all processors, with what the host took away (steal)
  double own_s = 0;  // of this process and of its children that have ended
  int n_cpus = 0;    // processors that are on
};

// `root` is where proc lies; other than "/" only in tests. Counted in ticks of 10 ms.
Result<CpuTime> cpu_time(const std::filesystem::path& root = "/");

}  // namespace hearth::os

// SPDX-License-Identifier: MIT
#include "os/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace hearth::os {

size_t raise_open_files(size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t goal = std::min<rlim_t>(wanted, limit.rlim_max);
  if (goal <= limit.rlim_cur) return limit.rlim_cur;
  const rlimit raised{.rlim_cur = goal, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? goal : limit.rlim_cur;
}

}  // namespace hearth::os

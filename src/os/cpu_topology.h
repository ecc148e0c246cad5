// SPDX-License-Identifier: MIT
// Cores, logical processors and caches, and which of them this process may use. Sources: hwloc,
// which reads the kernel's tree below /sys; proc(5) and sched_getaffinity(2) where there is none,
// as in a bare chroot or a strict sandbox.
#pragma once
#include <filesystem>

#include "os/cpu_info.h"

namespace hearth::os {

// Fills the counts and cache sizes of `info`; what cannot be found out keeps its value. Without a
// tree below `root`, caches and kinds of cores stay unknown, and nothing is said on stderr.
void read_cpu_topology(CpuInfo& info, const std::filesystem::path& root = "/");

}  // namespace hearth::os

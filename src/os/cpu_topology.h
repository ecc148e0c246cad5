// SPDX-License-Identifier: MIT
// Cores, logical processors and caches, and which of them this process may use. Sources: hwloc,
// which reads the kernel's tree below /sys and asks the processors themselves where there is none,
// as in a bare chroot or a strict sandbox; else proc(5) and sched_getaffinity(2).
#pragma once
#include <filesystem>

#include "os/cpu_info.h"

namespace hearth::os {

// Fills the counts and cache sizes of `info`; what cannot be found out keeps its value. Nothing is
// said on stderr, also where `root` holds no /sys.
void read_cpu_topology(CpuInfo& info, const std::filesystem::path& root = "/");

// The last resort: the processors that a file like /proc/cpuinfo lists, or where there is none,
// those of the scheduler's mask. Caches and kinds of cores stay unknown.
void read_cpu_list(CpuInfo& info, const std::filesystem::path& cpuinfo);

}  // namespace hearth::os

// SPDX-License-Identifier: MIT
// The limits that a container or a service manager put on this process (control groups v1 and v2).
// Source: Linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace hearth::os {

struct CgroupLimits {
  std::optional<double> cpus;                 // time of so many CPUs, 0.5 is half of one
  std::optional<uint64_t> memory_bytes;       // the whole group's limit
  std::optional<uint64_t> memory_used_bytes;  // of the group with that limit
};

// `root` is where proc and sys lie: "/", or a made-up tree in a test. Nothing readable: no limits.
CgroupLimits cgroup_limits(const std::filesystem::path& root);

}  // namespace hearth::os

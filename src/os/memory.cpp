// SPDX-License-Identifier: MIT
#include "os/memory.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "os/cgroup.h"

namespace hearth::os {
namespace {

// The number behind "NAME:" in a file of lines "NAME:   123 kB", in bytes.
std::optional<uint64_t> field_bytes(const std::filesystem::path& path, std::string_view name) {
  std::ifstream in(path);
  for (std::string key; in >> key;) {
    uint64_t kib = 0;
    if (key.size() == name.size() + 1 && key.starts_with(name) && in >> kib) return kib * kKiB;
    in.clear();
    in.ignore(4096, '\n');
  }
  return std::nullopt;
}

}  // namespace

Result<MemoryInfo> memory_info(const std::filesystem::path& root) {
  const auto total = field_bytes(root / "proc/meminfo", "MemTotal");
  const auto available = field_bytes(root / "proc/meminfo", "MemAvailable");
  if (!total || !available) return io_error("/proc/meminfo does not tell the memory");
  MemoryInfo info{*total, *available};
  const CgroupLimits limits = cgroup_limits(root);
  if (limits.memory_bytes) {
    const uint64_t limit = *limits.memory_bytes;
    const uint64_t used = std::min(limit, limits.memory_used_bytes.value_or(0));
    info.total_bytes = std::min(info.total_bytes, limit);
    info.available_bytes = std::min(info.available_bytes, limit - used);
  }
  return info;
}

uint64_t resident_bytes() { return field_bytes("/proc/self/status", "VmRSS").value_or(0); }

uint64_t peak_resident_bytes() { return field_bytes("/proc/self/status", "VmHWM").value_or(0); }

bool reset_peak_resident() {
  // Source: Linux Documentation/filesystems/proc.rst, clear_refs.
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;
  return out.good();
}

uint64_t anonymous_resident_bytes() {
  return field_bytes("/proc/self/status", "RssAnon").value_or(0);
}

uint64_t anonymous_resident_bytes(int pid) {
  const auto path = std::filesystem::path("/proc") / std::to_string(pid) / "status";
  return field_bytes(path, "RssAnon").value_or(0);
}

void give_freed_memory_back() {
#ifdef __GLIBC__
  constexpr int kMostKept = 32 << 10;
  // With it blocks of 128 KiB and more always are mappings of their own.
  mallopt(M_TRIM_THRESHOLD, kMostKept);
  mallopt(M_TOP_PAD, kMostKept);
#endif
}

}  // namespace hearth::os

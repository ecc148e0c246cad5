// SPDX-License-Identifier: MIT
#include "os/cgroup.h"

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

namespace hearth::os {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

std::optional<int64_t> number_in(const fs::path& path) {
  const auto line = first_line(path);
  return line ? whole_number(*line) : std::nullopt;
}

void lower(std::optional<double>& limit, std::optional<double> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

void lower_memory(CgroupLimits& limits, std::optional<int64_t> limit, std::optional<int64_t> used) {
  // Version 1 says "no limit" by a number near 2^63.
  constexpr int64_t kNoLimit = int64_t{1} << 60;
  if (!limit || *limit <= 0 || *limit >= kNoLimit) return;
  const auto bytes = static_cast<uint64_t>(*limit);
  if (limits.memory_bytes && *limits.memory_bytes <= bytes) return;
  limits.memory_bytes = bytes;
  limits.memory_used_bytes.reset();
  if (used && *used >= 0) limits.memory_used_bytes = static_cast<uint64_t>(*used);
}

// "200000 100000" is two CPUs, "max 100000" is no limit.
std::optional<double> cpu_max(const fs::path& path) {
  const auto line = first_line(path);
  if (!line) return std::nullopt;
  std::istringstream in(*line);
  std::string quota_text;
  int64_t period = 0;
  in >> quota_text >> period;
  const auto quota = whole_number(quota_text);
  if (!quota || *quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(period);
}

std::optional<double> cpu_quota_v1(const fs::path& group) {
  const auto quota = number_in(group / "cpu.cfs_quota_us");
  const auto period = number_in(group / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// Calls `visit` for the group and every group above it: the lowest limit of all counts.
template <class Visit>
void up_to(const fs::path& mount, const std::string& group, const Visit& visit) {
  fs::path relative = fs::path(group).relative_path().lexically_normal();
  while (true) {
    visit(mount / relative);
    if (relative.empty() || relative == ".") return;
    relative = relative.parent_path();
  }
}

}  // namespace

CgroupLimits cgroup_limits(const fs::path& root) {
  CgroupLimits limits;
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  // Lines "ID:CONTROLLERS:PATH"; version 2 has the id 0 and no controllers.
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      up_to(mount, group, [&](const fs::path& at) {
        lower(limits.cpus, cpu_max(at / "cpu.max"));
        lower_memory(limits, number_in(at / "memory.max"), number_in(at / "memory.current"));
      });
    }
    if (controllers.find(",cpu,") != std::string::npos) {
      up_to(mount / "cpu", group,
            [&](const fs::path& at) { lower(limits.cpus, cpu_quota_v1(at)); });
    }
    if (controllers.find(",memory,") != std::string::npos) {
      up_to(mount / "memory", group, [&](const fs::path& at) {
        lower_memory(limits, number_in(at / "memory.limit_in_bytes"),
                     number_in(at / "memory.usage_in_bytes"));
      });
    }
  }
  return limits;
}

}  // namespace hearth::os

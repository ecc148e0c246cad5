// SPDX-License-Identifier: MIT
#include "base/units.h"

#include <fmt/format.h>

namespace hearth {

std::string format_bytes(uint64_t bytes) {
  if (bytes < kKiB) return fmt::format("{} B", bytes);
  const double value = static_cast<double>(bytes);
  if (bytes < kMiB) return fmt::format("{:.1f} KiB", value / kKiB);
  if (bytes < kGiB) return fmt::format("{:.1f} MiB", value / kMiB);
  return fmt::format("{:.1f} GiB", value / kGiB);
}

std::string format_count(uint64_t count) {
  const double value = static_cast<double>(count);
  if (count < 1000) return fmt::format("{}", count);
  if (count < 1000'000) return fmt::format("{:.1f} K", value / 1e3);
  if (count < 1000'000'000) return fmt::format("{:.0f} M", value / 1e6);
  return fmt::format("{:.2f} B", value / 1e9);
}

std::string format_ms(double ms) {
  if (ms < 10) return fmt::format("{:.1f} ms", ms);
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f} s", ms / 1000);
  const auto seconds = static_cast<uint64_t>(ms / 1000);
  return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

}  // namespace hearth

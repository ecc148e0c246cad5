// SPDX-License-Identifier: MIT
// Numbers as people read them.
#pragma once
#include <cstdint>
#include <string>

namespace hearth {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;
inline constexpr double kGiga = 1e9;
inline constexpr double kPercent = 100.0;  // parts of a whole, told as percent

// "512 B", "1.5 MiB", "9.1 GiB".
std::string format_bytes(uint64_t bytes);
// "135 M", "1.54 B": counts of parameters.
std::string format_count(uint64_t count);
// "850 ms", "3.2 s", "4 min 10 s".
std::string format_ms(double ms);

}  // namespace hearth

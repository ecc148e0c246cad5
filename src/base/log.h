// SPDX-License-Identifier: MIT
// The log: to stderr, level from HEARTH_LOG (trace, debug, info, warn, error, off), warn by
// default. Thread-safe. Never give it a user's text (prompt, answer, key): numbers, names and
// reasons only.
#pragma once
#include <spdlog/spdlog.h>

namespace hearth {

// The one logger of the process; made on first use.
spdlog::logger& logger();

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  logger().debug(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  logger().info(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  logger().warn(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  logger().error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace hearth

// SPDX-License-Identifier: MIT
// The log: to stderr, level from HEARTH_LOG (trace, debug, info, warn, error, off), warn by
// default; a server's to a file as well. Thread-safe. Never give it a user's text (prompt, answer,
// key): numbers, names and reasons only.
#pragma once
#include <spdlog/spdlog.h>

#include <filesystem>

#include "base/result.h"

namespace hearth {

// The one logger of the process; made on first use.
spdlog::logger& logger();

// From now on also to `file`, from the level info on, with times. A file that would grow beyond
// kMaxLogBytes becomes NAME.1.log, that one NAME.2.log, and the last of kOldLogs goes. To be called
// before other threads log. Error: kIo.
inline constexpr size_t kMaxLogBytes = size_t{1} << 20;
inline constexpr size_t kOldLogs = 3;
Status log_to_file(const std::filesystem::path& file);

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

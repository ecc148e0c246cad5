// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <memory>

#include "base/env.h"

namespace hearth {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>(
        "hearth", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%^hearth %l%$: %v");
    made->set_level(spdlog::level::warn);
    if (const auto name = env("HEARTH_LOG")) {
      const auto level = spdlog::level::from_str(*name);  // "off" where it knows no such name
      if (level != spdlog::level::off || *name == "off") {
        made->set_level(level);
      } else {
        made->warn("HEARTH_LOG={} is no level (trace, debug, info, warn, error, off)", *name);
      }
    }
    return made;
  }();
  return *instance;
}

Status log_to_file(const std::filesystem::path& file) {
  spdlog::logger& log = logger();
  const auto level = std::min(log.level(), spdlog::level::info);
  try {
    auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), kMaxLogBytes,
                                                                       kOldLogs);
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l [%P] %v");
    sink->set_level(level);
    for (const auto& other : log.sinks()) other->set_level(std::max(other->level(), log.level()));
    log.sinks().push_back(std::move(sink));
    log.set_level(level);
    log.flush_on(level);
  } catch (const std::exception& failed) {
    return io_error("{}", failed.what());
  }
  return {};
}

}  // namespace hearth

// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

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

}  // namespace hearth

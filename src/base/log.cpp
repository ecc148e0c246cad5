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
    const auto level = env("HEARTH_LOG");
    made->set_level(level ? spdlog::level::from_str(*level) : spdlog::level::warn);
    return made;
  }();
  return *instance;
}

}  // namespace hearth

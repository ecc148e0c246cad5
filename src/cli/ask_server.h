// SPDX-License-Identifier: MIT
// The way of the verbs ps, load and stop to a running hearth serve.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::cli {

// The JSON of a good answer. Errors: what the server said, or that none is running.
Result<nlohmann::json> ask_running_server(std::string_view method, std::string_view path,
                                          const nlohmann::json& body,
                                          std::chrono::milliseconds patience);

}  // namespace hearth::cli

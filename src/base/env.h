// SPDX-License-Identifier: MIT
// The only place that reads environment variables.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

// The names of all variables that begin so, in no order.
std::vector<std::string> env_names(std::string_view prefix);

// The variable's value, or nothing when it is unset or empty. Not to be called while another thread
// changes the environment (hearth never does).
std::optional<std::string> env(const char* name);

}  // namespace hearth

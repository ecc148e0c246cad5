// SPDX-License-Identifier: MIT
// The only place that reads environment variables.
#pragma once
#include <optional>
#include <string>

namespace hearth {

// The variable's value, or nothing when it is unset or empty. Not to be called while another thread
// changes the environment (hearth never does).
std::optional<std::string> env(const char* name);

}  // namespace hearth

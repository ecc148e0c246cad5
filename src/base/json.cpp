// SPDX-License-Identifier: MIT
#include "base/json.h"

#include <nlohmann/json.hpp>

namespace hearth {

nlohmann::json parse_json(std::string_view text) {
  return nlohmann::json::parse(text, nullptr, false);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text) {
  return nlohmann::ordered_json::parse(text, nullptr, false);
}

}  // namespace hearth

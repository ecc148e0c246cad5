// SPDX-License-Identifier: MIT
#include "hub/json_field.h"

#include <nlohmann/json.hpp>

namespace hearth::hub {
namespace {

const nlohmann::json* field(const nlohmann::json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(std::string(key));
  return it == object.end() ? nullptr : &*it;
}

}  // namespace

std::optional<std::string> text_field(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* const value = field(object, key);
  if (!value || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<uint64_t> count_field(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* const value = field(object, key);
  if (!value || !value->is_number_unsigned()) return std::nullopt;
  return value->get<uint64_t>();
}

const nlohmann::json& list_field(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json kNone = nlohmann::json::array();
  const nlohmann::json* const value = field(object, key);
  return value && value->is_array() ? *value : kNone;
}

}  // namespace hearth::hub

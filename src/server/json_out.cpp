// SPDX-License-Identifier: MIT
#include "server/json_out.h"

namespace hearth::server {

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string sse_data(const Json& value) { return "data: " + json_text(value) + "\n\n"; }

std::string sse_event(std::string_view name, const Json& value) {
  return "event: " + std::string(name) + "\n" + sse_data(value);
}

std::string ndjson_line(const Json& value) { return json_text(value) + "\n"; }

const Json* member_of(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_in(const Json& object, std::string_view name) {
  const Json* value = member_of(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace hearth::server

// SPDX-License-Identifier: MIT
// For the template tests: renders a text with variables in one call.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace hearth::text::jinja::test {

// 26 July 2024, 14:05:09, a Friday.
inline std::tm fixed_now() {
  std::tm now{};
  now.tm_year = 124;
  now.tm_mon = 6;
  now.tm_mday = 26;
  now.tm_hour = 14;
  now.tm_min = 5;
  now.tm_sec = 9;
  now.tm_wday = 5;
  now.tm_yday = 207;
  return now;
}

inline Result<std::string> render(std::string_view text,
                                  const nlohmann::ordered_json& variables = {},
                                  const Limits& limits = {}) {
  TRY_LET(const auto ast, parse(text));
  Interpreter in(*ast, limits, fixed_now());
  for (const auto& [name, json] : variables.items()) {
    TRY_LET(const Value value, from_json(in.heap(), json));
    in.define(name, value);
  }
  return in.run();
}

}  // namespace hearth::text::jinja::test

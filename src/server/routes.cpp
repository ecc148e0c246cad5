// SPDX-License-Identifier: MIT
#include "server/routes.h"

#include <algorithm>

#include "server/dialects/dialects.h"

namespace hearth::server {

const FieldTable& no_fields() {
  static const FieldTable table;
  return table;
}

std::span<const Route> all_routes() {
  static const std::vector<Route> table = [] {
    std::vector<Route> all;
    for (const auto& routes : dialect_routes()) all.insert(all.end(), routes.begin(), routes.end());
    return all;
  }();
  return table;
}

bool matches_pattern(std::string_view pattern, std::string_view path, std::string& parameter) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path;
  const size_t close = pattern.find('}');
  const bool takes_rest = pattern.substr(open, close - open).ends_with("...");
  const std::string_view before = pattern.substr(0, open), after = pattern.substr(close + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after))
    return false;
  const std::string_view middle =
      path.substr(before.size(), path.size() - before.size() - after.size());
  if (!takes_rest && middle.find('/') != std::string_view::npos) return false;
  parameter = middle;
  return true;
}

Match match_route(std::span<const Route> routes, std::string_view method, std::string_view path) {
  Match match;
  std::vector<std::string_view> allowed;
  for (const Route& route : routes) {
    std::string parameter;
    if (!matches_pattern(route.pattern, path, parameter)) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      match.route = &route;
      match.parameter = std::move(parameter);
      return match;
    }
    allowed.push_back(route.method);
    if (route.method == "GET") allowed.push_back("HEAD");
  }
  if (allowed.empty()) return match;
  allowed.push_back("OPTIONS");
  for (const std::string_view one : allowed) {
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += one;
  }
  return match;
}

Dialect dialect_of_path(std::string_view path) {
  if (path.starts_with("/api/")) return Dialect::kOllama;
  if (path.starts_with("/v1/messages")) return Dialect::kAnthropic;
  return Dialect::kOpenAi;
}

}  // namespace hearth::server

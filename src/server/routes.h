// SPDX-License-Identifier: MIT
// The one table of routes, and how a path finds its row. Documentation, tests of permissions and
// docs/openapi.yaml are checked against it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "server/http/message.h"
#include "server/route.h"

namespace hearth::server {

// All routes of all dialects.
std::span<const Route> all_routes();

struct Match {
  const Route* route = nullptr;  // nullptr: the path is unknown, or `allow` says what it takes
  std::string parameter;         // what stood for the pattern's {…}
  std::string allow;             // the path exists, but for these methods: "GET, HEAD"
};

Match match_route(std::span<const Route> routes, std::string_view method, std::string_view path);

// Whether `path` has the pattern's form; `parameter` gets what stands for {…}.
bool matches_pattern(std::string_view pattern, std::string_view path, std::string& parameter);

// The dialect in which an unknown path would have been asked.
Dialect dialect_of_path(std::string_view path);

}  // namespace hearth::server

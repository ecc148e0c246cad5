// SPDX-License-Identifier: MIT
// What a route is. One table of them (routes.h) is all that the server answers: who may call it,
// with which body, in which fields, in which dialect an error is told. Nothing has a default, so
// that a route without a permission does not compile (RELIABILITY F29).
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "server/fields.h"

namespace hearth::server {

class Call;

enum class Permission {
  kOpen,       // anyone who reaches the server
  kInference,  // answers of models, and what there is to know about them
  kAdmin,      // changes what others see
};

// The shape of errors, and whose documentation describes the route.
enum class Dialect { kOpenAi, kOllama, kAnthropic, kLlamaServer };

enum class Streaming { kNone, kSse, kNdjson };

// The table of a route without fields.
const FieldTable& no_fields();

struct Route {
  using Fields = const FieldTable& (*)();
  using Handler = void (*)(const std::shared_ptr<Call>& call);

  constexpr Route(std::string_view its_method, std::string_view its_pattern, Permission needs,
                  Dialect spoken, uint64_t most_bytes, Streaming streams, Fields takes,
                  Handler answers)
      : method(its_method),
        pattern(its_pattern),
        permission(needs),
        dialect(spoken),
        body_bytes(most_bytes),
        streaming(streams),
        fields(takes),
        handler(answers) {}

  // What clients may ask for and hearth does not do: a 400 that says why, before a body is read.
  constexpr Route(std::string_view its_method, std::string_view its_pattern, Permission needs,
                  Dialect spoken, std::string_view why_not)
      : Route(its_method, its_pattern, needs, spoken, 0, Streaming::kNone, no_fields, nullptr) {
    refusal = why_not;
  }

  std::string_view method;  // GET answers HEAD too
  // "/v1/models/{name}"; "{name...}" last takes the rest with its slashes.
  std::string_view pattern;
  Permission permission;
  Dialect dialect;
  uint64_t body_bytes;  // 0: none is taken
  Streaming streaming;
  Fields fields;  // of the body, which then is a JSON object
  Handler handler;
  std::string_view refusal;  // not empty: nobody calls `handler`
};

// The most that a request's body may have (F21).
constexpr uint64_t kMaxBody = 32u << 20;
constexpr uint64_t kSmallBody = 64u << 10;

}  // namespace hearth::server

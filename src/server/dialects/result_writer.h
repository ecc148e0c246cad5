// SPDX-License-Identifier: MIT
// A Writer for jobs without an answer: one result becomes one object.
#pragma once
#include <functional>
#include <utility>

#include "server/answering.h"

namespace hearth::server {

class ResultWriter final : public Writer {
 public:
  using Shape = std::function<Json(const Json& result)>;

  explicit ResultWriter(Shape shape) : shape_(std::move(shape)) {}

  std::string stream(const engine::Event&) override { return {}; }
  std::string stream_failure(const Error&) override { return {}; }
  http::Response whole(const Collected& all) override {
    static const Json none = Json::object();
    const bool any = !all.results.empty() && all.results.front().other.is_object();
    Json body = shape_(any ? all.results.front().other : none);
    if (!all.warnings.empty() && body.is_object()) body["warnings"] = all.warnings;
    return json_response(body);
  }

 private:
  Shape shape_;
};

}  // namespace hearth::server

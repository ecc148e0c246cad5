// SPDX-License-Identifier: MIT
// hearth ps: the models that a running server holds in memory.
#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/ask_server.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

std::string text_in(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t number_in(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<int64_t>() : 0;
}

class Ps final : public Verb {
 public:
  void add_options(CLI::App&) override {}

  Status run(Output& out) override {
    TRY_LET(const nlohmann::json answer,
            ask_running_server("GET", "/api/ps", nullptr, std::chrono::seconds(10)));
    if (out.json()) {
      out.write_json(answer);
      return {};
    }
    const nlohmann::json models =
        answer.is_object() ? answer.value("models", nlohmann::json::array()) : nlohmann::json();
    if (!models.is_array() || models.empty()) {
      out.note("no model is loaded");
      return {};
    }
    out.line("{:<32}  {:>10}  {:>8}  {:>7}  {:>6}  {:<9}  {}", "NAME", "MEMORY", "CONTEXT",
             "RUNNING", "QUEUED", "STATE", "UNTIL");
    for (const nlohmann::json& model : models) {
      if (!model.is_object()) continue;
      const bool stays = model.value("stays", false);
      out.line("{:<32}  {:>10}  {:>8}  {:>7}  {:>6}  {:<9}  {}", printable(text_in(model, "name")),
               format_bytes(static_cast<uint64_t>(std::max<int64_t>(0, number_in(model, "size")))),
               number_in(model, "context_length"), number_in(model, "running"),
               number_in(model, "queued"), printable(text_in(model, "state")),
               stays ? "it is unloaded" : printable(text_in(model, "expires_at")));
    }
    return {};
  }
};

}  // namespace

VerbInfo verb_ps() {
  return {.name = "ps",
          .summary = "The models that a running server has loaded",
          .examples = "hearth ps\nhearth ps --json",
          .has_json = true,
          .make = make_verb<Ps>};
}

}  // namespace hearth::cli

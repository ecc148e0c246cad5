// SPDX-License-Identifier: MIT
// hearth load and hearth unload (stop): a running server takes a model into memory, or lets it go.
#include <nlohmann/json.hpp>

#include "cli/ask_server.h"
#include "cli/options.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

class Load final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "MODEL", model_, "A name in the store (see hearth list)").required();
    add_option(app, "--keep-alive", keep_alive_, "How long it stays unused: 5m, 300, -1 for ever")
        .type_name("TIME");
    add_option(app, "-c,--ctx-size", n_ctx_, "Positions of one answer's context")
        .within(0, 100'000'000)
        .type_name("N");
  }

  Status run(Output& out) override {
    nlohmann::json body = {{"model", model_}, {"stream", false}};
    if (!keep_alive_.empty()) body["keep_alive"] = keep_alive_;
    if (n_ctx_ > 0) body["options"] = {{"num_ctx", n_ctx_}};
    TRY(ask_running_server("POST", "/api/generate", body, std::chrono::minutes(30)));
    if (out.json()) {
      out.write_json({{"loaded", model_}});
    } else {
      out.line("loaded {}", model_);
    }
    return {};
  }

 private:
  std::string model_, keep_alive_;
  int64_t n_ctx_ = 0;
};

class Unload final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "MODEL", model_, "The model, as hearth ps shows it").required();
  }

  Status run(Output& out) override {
    const nlohmann::json body = {{"model", model_}, {"stream", false}, {"keep_alive", 0}};
    TRY(ask_running_server("POST", "/api/generate", body, std::chrono::minutes(5)));
    if (out.json()) {
      out.write_json({{"unloaded", model_}});
    } else {
      out.line("unloaded {}", model_);
    }
    return {};
  }

 private:
  std::string model_;
};

}  // namespace

VerbInfo verb_load() {
  return {.name = "load",
          .summary = "Load a model into a running server",
          .examples = "hearth load smollm2-135m --keep-alive 1h",
          .has_json = true,
          .make = make_verb<Load>};
}

VerbInfo verb_unload() {
  return {.name = "unload",
          .summary = "Free the memory of a model of a running server",
          .examples = "hearth unload smollm2-135m",
          .has_json = true,
          .make = make_verb<Unload>};
}

VerbInfo verb_stop() {
  return {.name = "stop",
          .summary = "The same as unload",
          .examples = "hearth stop smollm2-135m",
          .has_json = true,
          .make = make_verb<Unload>};
}

}  // namespace hearth::cli

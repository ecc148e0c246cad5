// SPDX-License-Identifier: MIT
// hearth embed: texts as vectors of length 1.
#include <nlohmann/json.hpp>

#include "cli/engine_options.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "cli/verb.h"
#include "engine/embed.h"
#include "text/tokenizer.h"

namespace hearth::cli {
namespace {

class Embed final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_model_argument(app, model_);
    add_option(app, "TEXT", texts_, "The texts, one vector each");
    add_option(app, "--tokens", tokens_, "Token ids instead of a text: 1,2,3");
    add_option(app, "--pooling", pooling_, "mean, cls or last; as the file says where not given");
    flags_.add_options(app);
  }

  Status check() override {
    if (texts_.empty() == tokens_.empty()) {
      return with_hint(invalid("give TEXT or --tokens"), "see hearth help embed");
    }
    if (!pooling_.empty()) TRY(engine::parse_pooling(pooling_));
    return flags_.check();
  }

  Status run(Output& out) override {
    TRY_LET(const EngineSetup setup, flags_.setup());
    TRY_LET(const LoadedModel loaded, load_model(model_, setup));
    TRY_LET(const engine::Pooling pooling, pooling_.empty() ? engine::model_pooling(*loaded.engine)
                                                            : engine::parse_pooling(pooling_));
    std::vector<std::vector<int32_t>> inputs;
    if (!tokens_.empty()) {
      TRY_LET(inputs.emplace_back(), parse_token_list(tokens_));
    } else {
      TRY_LET(const auto tokenizer, text::Tokenizer::make(loaded.file->metadata()));
      for (const std::string& text : texts_) {
        inputs.push_back(tokenizer->encode(text, {.add_special = true, .parse_special = false}));
      }
    }
    nlohmann::json vectors = nlohmann::json::array();
    for (const auto& input : inputs) {
      TRY_LET(const std::vector<float> vector, engine::embed(*loaded.engine, input, pooling));
      if (!out.json()) out.write_json(vector);
      vectors.push_back(vector);
    }
    if (out.json()) out.write_json({{"embeddings", std::move(vectors)}});
    return {};
  }

 private:
  std::string model_, tokens_, pooling_;
  std::vector<std::string> texts_;
  EngineFlags flags_;
};

}  // namespace

VerbInfo verb_embed() {
  return {.name = "embed",
          .summary = "Texts as vectors, for search and comparison",
          .examples = "hearth embed ./bge-small.gguf \"a text\" \"another\" --json",
          .has_json = true,
          .make = make_verb<Embed>};
}

}  // namespace hearth::cli

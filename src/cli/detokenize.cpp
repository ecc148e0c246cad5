// SPDX-License-Identifier: MIT
// hearth detokenize: the text of token ids.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/model_tokenizer.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

class Detokenize final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_model_argument(app, model_);
    app.add_option("ID", ids_, "Token ids, apart or with commas between")
        ->required()
        ->delimiter(',');
  }

  Status run(Output& out) override {
    TRY_LET(const ModelTokenizer opened, open_tokenizer(model_, out));
    std::vector<text::TokenId> ids;
    ids.reserve(ids_.size());
    for (const int64_t id : ids_) {
      if (!opened.tokenizer->contains(id)) {
        return with_hint(invalid("no token {}", id), "this model has tokens 0 to {}",
                         opened.tokenizer->n_vocab() - 1);
      }
      ids.push_back(static_cast<text::TokenId>(id));
    }
    const std::string text = opened.tokenizer->decode(ids, {.show_special = true});
    if (out.json()) {
      out.write_json({{"text", text}});
    } else {
      out.write(text + "\n");
    }
    return {};
  }

 private:
  std::string model_;
  std::vector<int64_t> ids_;
};

}  // namespace

VerbInfo verb_detokenize() {
  return {.name = "detokenize",
          .summary = "Text of token ids",
          .examples =
              "hearth detokenize smollm2-135m 19556 28 905 17\n"
              "hearth detokenize smollm2-135m 19556,28,905,17 --json",
          .has_json = true,
          .make = make_verb<Detokenize>};
}

}  // namespace hearth::cli

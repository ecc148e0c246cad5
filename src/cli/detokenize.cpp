// SPDX-License-Identifier: MIT
// hearth detokenize: the text of token ids.
#include <nlohmann/json.hpp>

#include "cli/model_tokenizer.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

class Detokenize final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_model_argument(app, model_);
    add_option(app, "ID", lists_, "Token ids, apart or with commas between").required();
  }

  Status check() override {
    for (const std::string& list : lists_) {
      TRY_LET(const std::vector<text::TokenId> ids, parse_token_list(list));
      ids_.insert(ids_.end(), ids.begin(), ids.end());
    }
    return {};
  }

  Status run(Output& out) override {
    TRY_LET(const ModelTokenizer opened, open_tokenizer(model_, out));
    for (const text::TokenId id : ids_) {
      if (!opened.tokenizer->contains(id)) {
        return with_hint(invalid("no token {}", id), "this model has tokens 0 to {}",
                         opened.tokenizer->n_vocab() - 1);
      }
    }
    const std::string text = opened.tokenizer->decode(ids_, {.show_special = true});
    if (out.json()) {
      out.write_json({{"text", text}});
    } else {
      out.write(text + "\n");
    }
    return {};
  }

 private:
  std::string model_;
  std::vector<std::string> lists_;
  std::vector<text::TokenId> ids_;
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

// SPDX-License-Identifier: MIT
// hearth tokenize: the token ids of a text, and what each stands for.
#include <nlohmann/json.hpp>

#include "cli/model_tokenizer.h"
#include "cli/options.h"
#include "cli/text_input.h"
#include "cli/verb.h"
#include "text/unicode.h"

namespace hearth::cli {
namespace {

class Tokenize final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_model_argument(app, model_);
    add_option(app, "TEXT", text_, "The text, or - for standard input").required();
    add_flag(app, "--special", special_,
             "Add BOS and EOS as the model asks, and read special tokens in the text as such");
  }

  Status run(Output& out) override {
    TRY_LET(const ModelTokenizer opened, open_tokenizer(model_, out));
    if (text_ == "-") {
      TRY_LET(text_, read_text("-"));
    }
    const text::Tokenizer& tokenizer = *opened.tokenizer;
    if (tokenizer.loses_bytes_of(text_)) {
      out.note("the model has no tokens for some control characters of the text: left out");
    }
    const auto ids = tokenizer.encode(text_, {.add_special = special_, .parse_special = special_});
    if (out.json()) {
      nlohmann::json pieces = nlohmann::json::array();
      for (const text::TokenId id : ids) pieces.push_back(tokenizer.piece(id, true));
      out.write_json({{"tokens", ids}, {"pieces", std::move(pieces)}});
      return {};
    }
    std::string lines;
    for (const text::TokenId id : ids) {
      const std::string piece = text::to_valid_utf8(tokenizer.piece(id, true));
      lines += fmt::format("{:>7}  '{}'\n", id, printable(piece));
    }
    out.write(lines);
    return {};
  }

 private:
  std::string model_;
  std::string text_;
  bool special_ = false;
};

}  // namespace

VerbInfo verb_tokenize() {
  return {.name = "tokenize",
          .summary = "Token ids of a text",
          .examples =
              "hearth tokenize smollm2-135m \"Hello, world!\"\n"
              "hearth tokenize smollm2-135m - --special --json < prompt.txt",
          .has_json = true,
          .make = make_verb<Tokenize>};
}

}  // namespace hearth::cli

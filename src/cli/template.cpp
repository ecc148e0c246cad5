// SPDX-License-Identifier: MIT
// hearth template: the prompt that a model's chat template makes of messages.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/model_tokenizer.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "file/model_facts.h"
#include "text/chat_template.h"

namespace hearth::cli {
namespace {

// A file within the bound of conversations; also a pipe, as a shell gives it for <(...).
Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return not_found("{}: cannot be opened", printable(path));
  std::string text;
  char buffer[1 << 16];
  while (in.read(buffer, sizeof(buffer)) || in.gcount() > 0) {
    text.append(buffer, static_cast<size_t>(in.gcount()));
    if (text.size() > text::kMaxConversationBytes)
      return over_limit("{}: more than {} MiB", printable(path), text::kMaxConversationBytes >> 20);
  }
  if (in.bad()) return io_error("{}: cannot be read", printable(path));
  return text;
}

// The file's variables come before the model's.
Result<text::ChatInput> read_input(const std::string& path,
                                   nlohmann::ordered_json model_variables) {
  TRY_LET(const std::string written, read_file(path));
  TRY_LET(text::ChatInput input, within(printable(path), text::parse_conversation(written)));
  model_variables.update(input.variables);
  input.variables = std::move(model_variables);
  return input;
}

class Template final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_model_argument(app, model_);
    add_option(app, "--messages", messages_,
               "JSON file: {\"messages\", \"tools\", \"add_generation_prompt\", any variable}")
        .required();
    add_option(app, "--template", template_, "Use the Jinja template in this file");
  }

  Status run(Output& out) override {
    TRY_LET(const ModelTokenizer opened, open_tokenizer(model_, out));
    std::string source(file::facts_of(*opened.file).chat_template);
    if (!template_.empty()) {
      TRY_LET(source, read_file(template_));
    }
    TRY_LET(const auto chat, text::ChatTemplate::parse(source));
    TRY_LET(const text::ChatInput input,
            read_input(messages_, text::special_token_variables(*opened.tokenizer)));
    TRY_LET(const std::string prompt, chat.render(input));
    if (out.json()) {
      out.write_json({{"prompt", prompt}});
    } else {
      out.write(prompt);
    }
    return {};
  }

 private:
  std::string model_, messages_, template_;
};

}  // namespace

VerbInfo verb_template() {
  return {.name = "template",
          .summary = "The prompt that a model's chat template makes of messages",
          .examples =
              "hearth template smollm2-135m --messages chat.json\n"
              "hearth template ./model.gguf --messages chat.json --template my.jinja --json",
          .has_json = true,
          .make = make_verb<Template>};
}

}  // namespace hearth::cli

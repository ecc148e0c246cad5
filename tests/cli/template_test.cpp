// SPDX-License-Identifier: MIT
// hearth template: prompts from a toy model's template and from a file, and what wrong input says.
#include <gtest/gtest.h>

#include <fstream>

#include "file/gguf_write.h"
#include "tests/support/run_hearth.h"
#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

using test::Ran;

class TemplateVerb : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

  // A model with a tokenizer of four tokens.
  std::string write_model(const std::string& chat_template) {
    file::Metadata metadata;
    metadata.set_text("general.architecture", "toy");
    metadata.set_text("tokenizer.ggml.model", "gpt2");
    metadata.set_text("tokenizer.ggml.pre", "llama-bpe");
    const std::vector<std::string> tokens = {"<b>", "<e>", "a", "b"};
    metadata.set_texts("tokenizer.ggml.tokens", tokens);
    metadata.set_texts("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
    metadata.set_u32("tokenizer.ggml.bos_token_id", 0);
    metadata.set_u32("tokenizer.ggml.eos_token_id", 1);
    if (!chat_template.empty()) metadata.set_text("tokenizer.chat_template", chat_template);
    const auto path = folder_ / "toy.gguf";
    EXPECT_TRUE(file::write_gguf(path, metadata, {}));
    return path.string();
  }

  static Ran hearth(const std::vector<std::string>& args) { return test::run_hearth(args); }

  test::TempFolder folder_;
};

constexpr const char* kTemplate =
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}"
    "{% endfor %}{{ '[assistant]' if add_generation_prompt }}{{ note }}";

TEST_F(TemplateVerb, the_prompt_is_written_as_it_is_and_as_json) {
  const std::string model = write_model(kTemplate);
  const std::string messages = write("chat.json", R"({"messages": [{"role": "user",
      "content": "phở\n"}], "add_generation_prompt": true, "note": "!"})");
  EXPECT_EQ(hearth({"template", model, "--messages", messages}).out,
            "<b>[user]phở\n<e>[assistant]!");
  const Ran json = hearth({"template", model, "--messages", messages, "--json"});
  EXPECT_EQ(json.status, 0);
  EXPECT_EQ(json.json()["prompt"], "<b>[user]phở\n<e>[assistant]!");
}

TEST_F(TemplateVerb, variables_and_a_template_of_the_user_come_before_the_models) {
  const std::string model = write_model(kTemplate);
  const std::string messages = write("chat.json", R"({"messages": [], "bos_token": "<own>"})");
  EXPECT_EQ(hearth({"template", model, "--messages", messages}).out, "<own>");
  const std::string other = write("other.jinja", "{{ messages|length }}{{ eos_token }}");
  EXPECT_EQ(hearth({"template", model, "--messages", messages, "--template", other}).out, "0<e>");
}

TEST_F(TemplateVerb, wrong_input_is_one_line_that_says_what_and_what_next) {
  const std::string model = write_model("");
  const std::string good = write("chat.json", R"({"messages": []})");
  const Ran bare = hearth({"template", model, "--messages", good});
  EXPECT_EQ(bare.status, 1);
  EXPECT_NE(bare.err.find("no chat template"), std::string::npos) << bare.err;
  const std::string named = write("t.jinja", "{{ raise_exception('no users') }}");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {good, "line 1: no users"},
      {write("a.json", "{"), "it is not JSON"},
      {write("e.json", R"({"messages": [], "n": 123456789012345678901})"), "does not fit in 64"},
      {write("b.json", "7"), "must be an object with 'messages'"},
      {write("c.json", R"({"messages": {}})"), "'messages' must be an array"},
      {write("d.json", R"({"messages": [], "add_generation_prompt": 1})"), "true or false"},
      {(folder_ / "none.json").string(), "cannot be opened"},
  };
  for (const auto& [messages, expected] : cases) {
    const Ran ran = hearth({"template", model, "--messages", messages, "--template", named});
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.err.find(expected), std::string::npos) << ran.err;
  }
  EXPECT_EQ(hearth({"template", model}).status, 2);
}

}  // namespace
}  // namespace hearth::cli

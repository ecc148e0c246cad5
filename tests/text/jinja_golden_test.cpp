// SPDX-License-Identifier: MIT
// Prompts equal to jinja2's as Hugging Face runs it: real templates of others times many
// conversations, captured by capture_templates.py into build/inputs/goldens/templates.json. Where
// Python raises, rendering must fail too.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/support/inputs.h"
#include "text/chat_template.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

std::tm calendar(const Json& fields) {
  std::tm now{};
  now.tm_year = fields[0].get<int>() - 1900;
  now.tm_mon = fields[1].get<int>() - 1;
  now.tm_mday = fields[2].get<int>();
  now.tm_hour = fields[3].get<int>();
  now.tm_min = fields[4].get<int>();
  now.tm_sec = fields[5].get<int>();
  now.tm_wday = (fields[6].get<int>() + 1) % 7;  // Python counts from Monday
  now.tm_yday = fields[7].get<int>() - 1;
  return now;
}

ChatInput input_of(const Json& variables, const std::tm& now) {
  ChatInput input;
  for (const auto& [name, value] : variables.items()) {
    if (name == "messages") {
      input.messages = value;
    } else if (name == "tools") {
      input.tools = value;
    } else if (name == "add_generation_prompt") {
      input.add_generation_prompt = value.get<bool>();
    } else {
      input.variables[name] = value;
    }
  }
  input.now = now;
  return input;
}

std::string difference(const std::string& ours, const std::string& theirs) {
  size_t at = 0;
  while (at < ours.size() && at < theirs.size() && ours[at] == theirs[at]) ++at;
  const size_t from = at < 60 ? 0 : at - 60;
  return "at byte " + std::to_string(at) + "\n  ours:   " + ours.substr(from, 140) +
         "\n  theirs: " + theirs.substr(from, 140);
}

TEST(JinjaGolden, every_real_template_renders_every_conversation_as_jinja2_does) {
  const auto path = test::input("goldens/templates.json");
  HEARTH_NEEDS_INPUT(path);
  std::ifstream file(path);
  const Json golden = parse_ordered_json(std::string{std::istreambuf_iterator<char>(file), {}});
  ASSERT_FALSE(golden.is_discarded());
  const std::tm now = calendar(golden["now"]);
  const size_t n_templates = golden["templates"].size(), n_inputs = golden["inputs"].size();
  ASSERT_GE(n_templates, 30u);
  ASSERT_GE(n_inputs, 100u);
  size_t n_texts = 0, n_raised = 0, n_refused = 0;
  for (size_t i = 0; i < n_templates; ++i) {
    const auto name = golden["names"][i].get<std::string>();
    SCOPED_TRACE(name);
    const auto chat = ChatTemplate::parse(golden["templates"][i].get<std::string>());
    for (size_t k = 0; k < n_inputs; ++k) {
      const Json& expected = golden["results"][i][k];
      const Json& variables = golden["inputs"][k];
      const bool well_formed = check_messages(variables["messages"]).has_value();
      const auto rendered = chat ? chat->render(input_of(variables, now))
                                 : Result<std::string>(Failure(chat.error()));
      if (!well_formed) {
        EXPECT_FALSE(rendered) << "input " << k;
        ++n_refused;
      } else if (expected.contains("error")) {
        EXPECT_FALSE(rendered) << "input " << k << ": jinja2 raises " << expected["error"];
        ++n_raised;
      } else if (!rendered) {
        ADD_FAILURE() << "input " << k << ": " << rendered.error().message;
      } else {
        const auto text = expected["text"].get<std::string>();
        EXPECT_TRUE(*rendered == text)
            << "input " << k << " differs " << difference(*rendered, text);
        ++n_texts;
      }
    }
  }
  RecordProperty("templates", static_cast<int>(n_templates));
  RecordProperty("texts", static_cast<int>(n_texts));
  EXPECT_GT(n_texts, n_raised + n_refused);
  std::printf("%zu templates x %zu conversations: %zu texts, %zu raise, %zu refused\n", n_templates,
              n_inputs, n_texts, n_raised, n_refused);
}

}  // namespace
}  // namespace hearth::text

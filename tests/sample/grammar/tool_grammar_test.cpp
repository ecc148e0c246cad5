// SPDX-License-Identifier: MIT
#include "sample/grammar/tool_grammar.h"

#include <nlohmann/json.hpp>
#include <random>

#include "base/json.h"
#include "sample/grammar/json_schema.h"
#include "sample/grammar/mask.h"
#include "tests/sample/grammar/grammar_fixture.h"
#include "tests/text/toy_vocab.h"
#include "text/answer_parser.h"

namespace hearth::sample {
namespace {

using Json = nlohmann::ordered_json;

// Bytes, some marks as special tokens, an end.
std::unique_ptr<text::Tokenizer> toy_tokenizer() {
  text::test::ToyVocab vocab = text::test::toy_bpe();
  for (const char* mark :
       {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>", "<|end|>", "<|return|>",
        "<|call|>", "[TOOL_CALLS]", "[ARGS]", "<｜tool▁call▁begin｜>", "<|im_end|>"})
    vocab.add(mark, 3);
  for (const char* mark : {"<tool_call>", "</tool_call>", "</think>"}) vocab.add(mark, 4);
  auto tokenizer = text::Tokenizer::make(vocab.metadata());
  EXPECT_TRUE(tokenizer.has_value());
  return std::move(*tokenizer);
}

const char* const kTools = R"([
  {"type":"function","function":{"name":"get_weather","parameters":{"type":"object",
    "properties":{"city":{"enum":["Bonn","Rom"]},"days":{"type":"integer","minimum":1,"maximum":9}},
    "required":["city"]}}},
  {"type":"function","function":{"name":"add","parameters":{"type":"object",
    "properties":{"x":{"type":"boolean"}},"required":["x"]}}}])";

// An answer of random tokens; `free`: the text of the free part, to get to its trigger.
std::string walk(const Grammar& grammar, const std::shared_ptr<const TokenTable>& table,
                 const text::Tokenizer& tokenizer, uint32_t seed, std::string_view free = {}) {
  const std::shared_ptr<const Grammar> borrowed(std::shared_ptr<void>(), &grammar);
  const auto mask = make_mask(borrowed, table);
  std::mt19937 random(seed);
  std::string text;
  for (const text::TokenId id : tokenizer.encode(free, {false, true})) {
    EXPECT_TRUE(mask->accept(id).has_value()) << free << " at " << text;
    tokenizer.append_piece(id, true, text);
  }
  for (int n = 0; n < 2000 && !mask->complete(); ++n) {
    const auto allowed = mask->allowed();
    std::vector<int32_t> ids, ends;
    for (int32_t id = 0; id < static_cast<int32_t>(tokenizer.n_vocab()); ++id) {
      if ((allowed[static_cast<size_t>(id) / 64] >> (id % 64) & 1) == 0) continue;
      (tokenizer.is_end_of_generation(id) ? ends : ids).push_back(id);
    }
    if (!ends.empty()) break;
    if (ids.empty()) return "stuck after " + text;
    const int32_t id = ids[random() % ids.size()];
    EXPECT_TRUE(mask->accept(id).has_value());
    tokenizer.append_piece(id, true, text);
  }
  return text;
}

struct Parsed {
  std::string content, reasoning;
  std::vector<std::pair<std::string, std::string>> calls;
  size_t n_warnings = 0;
};

Parsed parse(const text::AnswerFormat& format, const std::string& text, bool in_reasoning) {
  text::AnswerOptions options;
  options.reads_calls = true;
  options.tool_names = {"get_weather", "add"};
  options.prompt = in_reasoning ? "<think>" : "";
  text::AnswerParser parser(format, options);
  Parsed parsed;
  for (const auto& pieces : {parser.push(text), parser.finish()}) {
    parsed.content += pieces.content;
    parsed.reasoning += pieces.reasoning;
    parsed.n_warnings += pieces.warnings.size();
    for (const auto& call : pieces.calls) {
      if (static_cast<size_t>(call.index) == parsed.calls.size()) parsed.calls.emplace_back();
      parsed.calls.back().first += call.name;
      parsed.calls.back().second += call.arguments;
    }
  }
  return parsed;
}

void expect_valid(const Parsed& parsed, const std::string& text) {
  for (const auto& [name, arguments] : parsed.calls) {
    const Json tools = parse_ordered_json(kTools);
    const Json& tool = tools[name == "add" ? 1 : 0]["function"];
    EXPECT_EQ(tool["name"], name) << text;
    const auto grammar = json_schema_grammar(tool["parameters"]);
    ASSERT_TRUE(grammar.has_value());
    EXPECT_TRUE(test::matches(**grammar, arguments)) << arguments << " of " << text;
  }
}

const char* const kTemplates[] = {
    "<tool_call>",
    "<think><tool_call>",
    "<|python_tag|>",
    "[TOOL_CALLS]",
    "[TOOL_CALLS][ARGS]",
    "<｜tool▁call▁begin｜><｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
    "<|tool_call_begin|><|tool_calls_section_begin|><|tool_calls_section_end|>",
    "<function=",
    "<tool_calls>",
    "<|channel>thought<channel|><|tool_call>",
    "<|tool_list_start|>",
    "<minimax:tool_call>",
    "｜DSML｜function_calls>",
    "no marks",
};

TEST(ToolGrammar, a_forced_call_is_read_by_the_parser_and_keeps_to_its_schema) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const Json tools = parse_ordered_json(kTools);
  for (const char* source : kTemplates) {
    const text::AnswerFormat format = text::find_answer_format(source);
    for (const char* only : {"", "add"}) {
      const auto grammar = tool_grammar(format, *tokenizer, tools,
                                        {.only = only, .is_parallel = false, .may_think = false});
      ASSERT_TRUE(grammar.has_value()) << source << grammar.error().message;
      for (uint32_t seed = 1; seed <= 10; ++seed) {
        const std::string text = walk(**grammar, table, *tokenizer, seed);
        const Parsed parsed = parse(format, text, false);
        ASSERT_EQ(parsed.calls.size(), 1u) << source << ": " << text;
        EXPECT_EQ(parsed.content + parsed.reasoning, "") << text;
        EXPECT_EQ(parsed.n_warnings, 0u) << text;
        if (*only != 0) {
          EXPECT_EQ(parsed.calls[0].first, only);
        }
        expect_valid(parsed, text);
      }
    }
  }
}

TEST(ToolGrammar, an_answer_may_end_after_each_call_and_the_lines_end_behind_it) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const text::AnswerFormat format = text::find_answer_format("<tool_call>");
  const auto grammar = tool_grammar(format, *tokenizer, parse_ordered_json(kTools), {});
  ASSERT_TRUE(grammar.has_value()) << grammar.error().message;
  const auto mask = make_mask(*grammar, table);
  const text::TokenId end = tokenizer->find_token("<|im_end|>");
  const auto may_end = [&] {
    return (mask->allowed()[static_cast<size_t>(end) / 64] >> (end % 64) & 1) != 0;
  };
  const auto write = [&](std::string_view text) {
    for (const text::TokenId id : tokenizer->encode(text, {false, true})) {
      ASSERT_TRUE(mask->accept(id)) << text;
    }
  };
  for (int n = 0; n < 32; ++n) {
    write("<tool_call>\n{\"name\": \"add\", \"arguments\": {\"x\":true}}\n");
    EXPECT_FALSE(may_end());
    write("</tool_call>");
    EXPECT_TRUE(may_end());
    write("\n");
    EXPECT_TRUE(may_end());
    EXPECT_EQ(mask->complete(), n == 31) << "the most calls of an answer";
  }
}

TEST(ToolGrammar, harmony_writes_the_call_in_its_channel) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const text::AnswerFormat format = text::find_answer_format("<|channel|><|message|>");
  const auto grammar = tool_grammar(format, *tokenizer, parse_ordered_json(kTools), {});
  ASSERT_TRUE(grammar.has_value()) << grammar.error().message;
  const std::string text =
      walk(**grammar, table, *tokenizer, 3, "<|channel|>analysis<|message|>Hm.<|end|>");
  const Parsed parsed = parse(format, text, false);
  EXPECT_EQ(parsed.reasoning, "Hm.");
  ASSERT_EQ(parsed.calls.size(), 1u) << text;
  expect_valid(parsed, text);
}

TEST(ToolGrammar, free_text_has_calls_only_as_their_schemas_say) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const Json tools = parse_ordered_json(kTools);
  for (const char* source : {"<tool_call>", "[TOOL_CALLS]", "[TOOL_CALLS][ARGS]", "<function="}) {
    const text::AnswerFormat format = text::find_answer_format(source);
    const auto grammar =
        tool_grammar(format, *tokenizer, tools, {.rule = CallRule::kFree, .is_parallel = false});
    ASSERT_TRUE(grammar.has_value()) << source << grammar.error().message;
    const std::string text =
        walk(**grammar, table, *tokenizer, 5, "I look." + format.calls[0].begin);
    const Parsed parsed = parse(format, text, false);
    EXPECT_EQ(parsed.content, "I look.");
    ASSERT_EQ(parsed.calls.size(), 1u) << text;
    expect_valid(parsed, text);
  }
}

TEST(ToolGrammar, free_text_goes_on_after_a_call) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const text::AnswerFormat format = text::find_answer_format("<tool_call>");
  const auto grammar =
      tool_grammar(format, *tokenizer, parse_ordered_json(kTools), {.rule = CallRule::kFree});
  ASSERT_TRUE(grammar.has_value());
  const std::string call =
      "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"x\":true}}\n</tool_call>";
  const std::string text = "One. " + call + "\n" + call + " Two.";
  EXPECT_EQ(walk(**grammar, table, *tokenizer, 1, text), text);
  const auto mask = make_mask(*grammar, table);
  size_t n_refused = 0;
  for (const text::TokenId id :
       tokenizer->encode(call + "<tool_call>{\"name\": \"sub", {false, true}))
    n_refused += mask->accept(id) ? 0 : 1;
  EXPECT_GT(n_refused, 0u) << "no tool of that name";
}

TEST(ToolGrammar, reasoning_that_the_prompt_opened_comes_first) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const text::AnswerFormat format = text::find_answer_format("<think><tool_call>");
  const auto grammar =
      tool_grammar(format, *tokenizer, parse_ordered_json(kTools), {.in_reasoning = true});
  ASSERT_TRUE(grammar.has_value()) << grammar.error().message;
  const std::string text = walk(**grammar, table, *tokenizer, 2, "So be it.</think>");
  const Parsed parsed = parse(format, text, true);
  EXPECT_EQ(parsed.reasoning, "So be it.");
  EXPECT_GE(parsed.calls.size(), 1u) << text;
  expect_valid(parsed, text);
}

TEST(ToolGrammar, errors_name_the_tool) {
  const auto tokenizer = toy_tokenizer();
  const text::AnswerFormat format = text::find_answer_format("<tool_call>");
  const auto error_of = [&](const char* tools, const char* only) {
    const auto made = tool_grammar(format, *tokenizer, parse_ordered_json(tools), {.only = only});
    return made ? "no error" : made.error().message;
  };
  EXPECT_EQ(error_of(kTools, "other"), "tools: none is called 'other'");
  EXPECT_EQ(error_of("[]", ""), "tools: the list is empty");
  EXPECT_NE(error_of(R"([{"function":{"name":"f","parameters":{"not":{}}}}])", "")
                .find("tool 'f': parameters: #/'not'"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::sample

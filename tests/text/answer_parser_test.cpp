// SPDX-License-Identifier: MIT
#include "text/answer_parser.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/json.h"
#include "tests/support/inputs.h"

namespace hearth::text {
namespace {

struct Call {
  std::string id, name, arguments;
  bool operator==(const Call&) const = default;
};

// What a failed comparison shows.
void PrintTo(const Call& call, std::ostream* out) {
  *out << call.name << "(" << call.arguments << ")";
}

struct Whole {
  std::string content, reasoning;
  std::vector<Call> calls;
  std::vector<std::string> warnings;
  bool operator==(const Whole&) const = default;
};

void PrintTo(const Whole& whole, std::ostream* out) {
  *out << "content: " << whole.content << "\nreasoning: " << whole.reasoning
       << "\ncalls: " << ::testing::PrintToString(whole.calls)
       << "\nwarnings: " << ::testing::PrintToString(whole.warnings);
}

void add(const AnswerPieces& pieces, Whole& whole) {
  whole.content += pieces.content;
  whole.reasoning += pieces.reasoning;
  for (const ToolCallPiece& piece : pieces.calls) {
    const auto index = static_cast<size_t>(piece.index);
    ASSERT_LE(index, whole.calls.size());
    if (index == whole.calls.size()) whole.calls.emplace_back();
    whole.calls[index].id += piece.id;
    whole.calls[index].name += piece.name;
    whole.calls[index].arguments += piece.arguments;
  }
  whole.warnings.insert(whole.warnings.end(), pieces.warnings.begin(), pieces.warnings.end());
}

Whole parse(const AnswerFormat& format, const AnswerOptions& options,
            const std::vector<std::string_view>& pieces) {
  AnswerParser parser(format, options);
  Whole whole;
  for (const std::string_view piece : pieces) add(parser.push(piece), whole);
  add(parser.finish(), whole);
  return whole;
}

// In one piece; then cut in every place, byte by byte, and at random: always the same.
Whole parse_every_way(const AnswerFormat& format, const AnswerOptions& options,
                      std::string_view text) {
  const Whole whole = parse(format, options, {text});
  for (size_t i = 0; i <= text.size(); ++i)
    EXPECT_EQ(parse(format, options, {text.substr(0, i), text.substr(i)}), whole) << "cut at " << i;
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(parse(format, options, bytes), whole) << "byte by byte";
  std::mt19937 random(7);
  for (int n = 0; n < 20; ++n) {
    std::vector<std::string_view> pieces;
    for (size_t i = 0; i < text.size();) {
      const size_t length = 1 + random() % 12;
      pieces.push_back(text.substr(i, length));
      i += length;
    }
    EXPECT_EQ(parse(format, options, pieces), whole);
  }
  return whole;
}

AnswerOptions with_tools() {
  AnswerOptions options;
  options.reads_calls = true;
  options.tool_names = {"get_weather", "add"};
  return options;
}

struct Case {
  const char* what;
  const char* marks;  // as a template has them
  const char* text;
  const char* content;
  const char* reasoning;
  std::vector<std::pair<const char*, const char*>> calls;
  size_t n_warnings = 0;
};

const std::vector<Case> kCases = {
    {"plain", "<tool_call>", "Hello\nworld ", "Hello\nworld ", "", {}},
    {"hermes",
     "<tool_call>",
     "Let me see.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": "
     "\"A}\\\"\"}}\n"
     "</tool_call>",
     "Let me see.",
     "",
     {{"get_weather", "{\"city\": \"A}\\\"\"}"}}},
    {"hermes, two calls, arguments first, then text",
     "<tool_call>",
     "<tool_call>{\"arguments\": {}, \"name\": "
     "\"a\"}</tool_call>\n<tool_call>\n{\"name\":\"b\"}\n"
     "</tool_call>\nDone.",
     "Done.",
     "",
     {{"a", "{}"}, {"b", "{}"}}},
    {"hermes, arguments as text",
     "<tool_call>",
     "<tool_call>{\"name\":\"a\",\"arguments\":\"{\\\"x\\\":1}\"}</tool_call>",
     "",
     "",
     {{"a", "{\"x\":1}"}}},
    {"hermes, OpenAI's shape",
     "<tool_call>",
     "<tool_call>{\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":{\"x\":[1]}}}"
     "</tool_call>",
     "",
     "",
     {{"a", "{\"x\":[1]}"}}},
    {"no call",
     "<tool_call>",
     "A <tool_call> is {not} this",
     "A <tool_call> is {not} this",
     "",
     {},
     1},
    {"an object that is no call",
     "<tool_call>",
     "<tool_call>{\"x\": 1}</tool_call>",
     "<tool_call>{\"x\": 1}</tool_call>",
     "",
     {},
     1},
    {"broken off",
     "<tool_call>",
     "<tool_call>{\"name\":\"a\",\"arguments\":{\"x\":",
     "",
     "",
     {{"a", "{\"x\":"}},
     2},
    {"broken off before the name",
     "<tool_call>",
     "ok <tool_call>{\"na",
     "ok <tool_call>{\"na",
     "",
     {},
     1},
    {"qwen3-coder",
     "<tool_call><function=",
     "<tool_call>\n<function=get_weather>\n<parameter=city>\nBerlin\nOst\n</parameter>\n"
     "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
     "",
     "",
     {{"get_weather", "{\"city\":\"Berlin\\nOst\",\"days\":3}"}}},
    {"glm",
     "<tool_call><arg_key>",
     "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Bonn</arg_value>\n"
     "<arg_key>n</arg_key>\n<arg_value>[1]</arg_value>\n</tool_call>",
     "",
     "",
     {{"get_weather", "{\"city\":\"Bonn\",\"n\":[1]}"}}},
    {"llama",
     "<|python_tag|>",
     "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"X\"}}",
     "",
     "",
     {{"get_weather", "{\"city\": \"X\"}"}}},
    {"llama, several",
     "<|python_tag|>",
     "<|python_tag|>{\"name\":\"a\",\"parameters\":{}}; {\"name\":\"b\",\"parameters\":{}}",
     "",
     "",
     {{"a", "{}"}, {"b", "{}"}}},
    {"llama, an answer in JSON",
     "<|python_tag|>",
     " {\"name\": \"Bob\", \"age\": 3}",
     " {\"name\": \"Bob\", \"age\": 3}",
     "",
     {}},
    {"llama, a list in JSON", "<|python_tag|>", "[1, {\"a\": 2}]", "[1, {\"a\": 2}]", "", {}},
    {"no marks, a fence",
     "tools",
     "```json\n{\"name\": \"add\", \"arguments\": {\"x\": 1}}\n```\n",
     "",
     "",
     {{"add", "{\"x\": 1}"}}},
    {"no marks, another fence", "tools", "```cpp\nint x;\n```", "```cpp\nint x;\n```", "", {}},
    {"gemma",
     "tools",
     "```tool_code\n[{\"name\":\"add\",\"parameters\":{}}]\n```",
     "",
     "",
     {{"add", "{}"}}},
    {"mistral, a list",
     "[TOOL_CALLS]",
     "[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {\"x\": 1}}, {\"name\": \"b\", "
     "\"arguments\": {}}]",
     "",
     "",
     {{"a", "{\"x\": 1}"}, {"b", "{}"}}},
    {"mistral, names",
     "[TOOL_CALLS][ARGS]",
     "Hm.[TOOL_CALLS]a[ARGS]{\"x\": 1}[TOOL_CALLS]b[CALL_ID]123456789[ARGS]{}",
     "Hm.",
     "",
     {{"a", "{\"x\": 1}"}, {"b", "{}"}}},
    {"deepseek r1",
     "<think><｜tool▁call▁begin｜><｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
     "<think>\nHm\n</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>"
     "get_weather\n```json\n{\"city\": "
     "\"X\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function"
     "<｜tool▁sep｜>b\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "",
     "Hm",
     {{"get_weather", "{\"city\": \"X\"}"}, {"b", "{}"}}},
    {"deepseek v3.1",
     "<｜tool▁call▁begin｜><｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
     "Ok<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\":1}"
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     "Ok",
     "",
     {{"get_weather", "{\"city\":1}"}}},
    {"kimi",
     "<|tool_call_begin|><|tool_calls_section_begin|><|tool_calls_section_end|>",
     "<|tool_calls_section_begin|><|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>"
     "{\"x\":1}<|tool_call_end|><|tool_calls_section_end|>",
     "",
     "",
     {{"add", "{\"x\":1}"}}},
    {"gemma 4",
     "<|channel>thought <channel|> <|tool_call>",
     "<|channel>thought\nHm.\n<channel|>I look.<|tool_call>call:get_weather{city:<|\"|>Sai \"Gon\""
     "<|\"|>,days:3,deep:{a:[1,true,null],<|\"|>b c<|\"|>:<|\"|>x,}<|\"|>}}<tool_call|><|tool_call>"
     "call:add{}<tool_call|>",
     "I look.",
     "Hm.",
     {{"get_weather", R"({"city":"Sai \"Gon\"","days":3,"deep":{"a":[1,true,null],"b c":"x,}"}})"},
      {"add", "{}"}}},
    {"gemma 4, thinking off, and what is no call",
     "<|channel>thought <channel|> <|tool_call>",
     "<|channel>thought\n<channel|>Yes.<|tool_call>call:add{x:}<tool_call|>",
     "Yes.<|tool_call>call:add{x:}<tool_call|>",
     "",
     {},
     1},
    {"lfm2",
     "<|tool_list_start|>",
     "I look.<|tool_call_start|>[get_weather(city=\"Hà Nội\", days=2, deep={'a': [1, True, None, "
     "-1.5e+3]}), add(x='it\\'s\\u00fc', y=(1, 2,))]<|tool_call_end|>",
     "I look.",
     "",
     {{"get_weather", R"({"city":"Hà Nội","days":2,"deep":{"a":[1,true,null,-1500.0]}})"},
      {"add", R"({"x":"it'sü","y":[1,2]})"}}},
    {"lfm2, marks and pairs of escapes in a text",
     "<|tool_list_start|>",
     "<|tool_call_start|>[add(x=\"a<|tool_call_end|>b \\ud83d\\ude00\", "
     "y='it\\'s')]<|tool_call_end|>"
     "So.",
     "So.",
     "",
     {{"add", R"({"x":"a<|tool_call_end|>b 😀","y":"it's"})"}}},
    {"gemma 4, its end in a text",
     "<|channel>thought <channel|> <|tool_call>",
     "<|tool_call>call:add{x:<|\"|>a<tool_call|>b<|\"|>}<tool_call|>So.",
     "So.",
     "",
     {{"add", R"({"x":"a<tool_call|>b"})"}}},
    {"lfm2 in json",
     "<|tool_call_start|>",
     "<|tool_call_start|>[{\"name\": \"add\", \"arguments\": {\"x\": 1}}]<|tool_call_end|>Done.",
     "Done.",
     "",
     {{"add", R"({"x": 1})"}}},
    {"minimax m2",
     "<think></think><minimax:tool_call>",
     "<think>Hm.</think>\n\n<minimax:tool_call>\n<invoke name=\"get_weather\">\n<parameter "
     "name=\"city\">a < b</parameter>\n<parameter name=\"days\">3</parameter>\n</invoke>\n<invoke "
     "name=\"add\">\n</invoke>\n</minimax:tool_call>",
     "",
     "Hm.",
     {{"get_weather", R"({"city":"a < b","days":3})"}, {"add", "{}"}}},
    {"deepseek v3.2",
     "'｜DSML｜' + 'function_calls>",
     "So.\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter "
     "name=\"city\" string=\"true\">3</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" "
     "string=\"false\">[3]</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
     "So.",
     "",
     {{"get_weather", R"({"city":"3","days":[3]})"}}},
    {"deepseek v4, broken",
     "'｜DSML｜' + 'tool_calls>",
     "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"add\"></｜DSML｜tool_calls>",
     "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"add\"></｜DSML｜tool_calls>",
     "",
     {},
     1},
    {"function tags",
     "<function=",
     "<function=add>{\"x\": 1}</function>",
     "",
     "",
     {{"add", "{\"x\": 1}"}}},
    {"functionary",
     ">>> recipient",
     ">>>all\nText >>> here\n>>>add\n{\"x\":1}>>>get_weather\n{}",
     "Text >>> here",
     "",
     {{"add", "{\"x\":1}"}, {"get_weather", "{}"}}},
    {"harmony",
     "<|channel|><|message|>",
     "<|channel|>analysis<|message|>Think <b>.<|end|><|start|>assistant<|channel|>commentary "
     "to=functions.add <|constrain|>json<|message|>{\"x\":1}<|call|>",
     "",
     "Think <b>.",
     {{"add", "{\"x\":1}"}}},
    {"harmony, recipient in the role",
     "<|channel|><|message|>",
     "<|channel|>commentary<|message|>First this.<|end|><|start|>assistant to=functions.add"
     "<|channel|>commentary json<|message|>{}<|call|>",
     "First this.",
     "",
     {{"add", "{}"}}},
    {"harmony, final",
     "<|channel|><|message|>",
     "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B < |c\n"
     "<|return|>",
     "B < |c",
     "A",
     {}},
    {"thinking",
     "<think>",
     "<think>\nBecause </thin k>.\n</think>\n\nAnswer",
     "Answer",
     "Because </thin k>.",
     {}},
    {"thinking without an end", "<think>", "<think>Because", "", "Because", {}},
    {"thinking and a bare call",
     "<think> tools",
     "<think>x</think>\n{\"name\": \"add\", \"arguments\": {}}",
     "",
     "x",
     {{"add", "{}"}}},
    {"mistral's thinking",
     "[THINK][TOOL_CALLS]",
     "[THINK]a[b[/THINK]c[TOOL_CALLS]add[ARGS]{}",
     "c",
     "a[b",
     {{"add", "{}"}}},
};

TEST(AnswerParser, arguments_that_are_texts_stay_texts) {
  const std::pair<const char*, const char*> cases[] = {
      {"<minimax:tool_call>",
       "<minimax:tool_call><invoke name=\"add\"><parameter name=\"zip\">10115</parameter>"
       "<parameter name=\"n\">7</parameter><parameter name=\"s\">\"7\"</parameter></invoke>"
       "</minimax:tool_call>"},
      {"<tool_call>",
       "<tool_call>\n<function=add>\n<parameter=zip>\n10115\n</parameter>\n<parameter=n>\n7\n"
       "</parameter>\n<parameter=s>\n\"7\"\n</parameter>\n</function>\n</tool_call>"},
      {"<tool_call>",
       "<tool_call>add\n<arg_key>zip</arg_key>\n<arg_value>10115</arg_value>\n<arg_key>n</"
       "arg_key>\n"
       "<arg_value>7</arg_value>\n<arg_key>s</arg_key>\n<arg_value>\"7\"</arg_value>\n</"
       "tool_call>"},
  };
  for (const auto& [source, text] : cases) {
    AnswerOptions options;
    options.reads_calls = true;
    options.tool_names = {"add"};
    for (const bool is_known : {false, true}) {
      if (is_known) options.text_arguments = {{"add", {"zip"}}};
      AnswerParser parser(find_answer_format(source), options);
      Whole whole;
      add(parser.push(text), whole);
      add(parser.finish(), whole);
      ASSERT_EQ(whole.calls.size(), 1u) << text;
      EXPECT_EQ(whole.calls[0].arguments, is_known ? R"({"zip":"10115","n":7,"s":"7"})"
                                                   : R"({"zip":10115,"n":7,"s":"\"7\""})")
          << text;
    }
  }
}

// The arguments of the one call that `text` holds.
std::string arguments_in(const char* source, std::string_view text,
                         std::vector<TextArguments> text_arguments) {
  AnswerOptions options;
  options.reads_calls = true;
  options.tool_names = {"add"};
  options.text_arguments = std::move(text_arguments);
  const Whole whole = parse_every_way(find_answer_format(source), options, text);
  EXPECT_EQ(whole.calls.size(), 1u) << text;
  return whole.calls.empty() ? "" : whole.calls[0].arguments;
}

TEST(AnswerParser, lines_around_a_text_are_its_own_unless_the_tags_have_them) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"<minimax:tool_call>",
       "<minimax:tool_call><invoke name=\"add\"><parameter name=\"s\">\na\n</parameter></invoke>"
       "</minimax:tool_call>",
       R"({"s":"\na\n"})"},
      {"<tool_call><arg_key>",
       "<tool_call>add<arg_key>s</arg_key><arg_value>\na\n</arg_value></tool_call>",
       R"({"s":"\na\n"})"},
      {"<seed:tool_call><function=<parameter=",
       "<seed:tool_call>\n<function=add>\n<parameter=s>\na\n</parameter>\n</function>\n"
       "</seed:tool_call>",
       R"({"s":"\na\n"})"},
      {"<tool_call><function=<parameter=",
       "<tool_call>\n<function=add>\n<parameter=s>\n\na\n\n</parameter>\n</function>\n"
       "</tool_call>",
       R"({"s":"\na\n"})"},
  };
  for (const auto& [source, text, arguments] : cases) {
    EXPECT_EQ(arguments_in(source, text, {}), arguments);
    EXPECT_EQ(arguments_in(source, text, {{"add", {"s"}}}), arguments);
  }
}

TEST(AnswerParser, pythons_literals_in_tags_are_values_where_the_schema_is_known) {
  const std::string_view text =
      "<tool_call>\n<function=add>\n<parameter=a>\nTrue\n</parameter>\n<parameter=b>\nFalse\n"
      "</parameter>\n<parameter=c>\nNone\n</parameter>\n<parameter=d>\n['x', {'y': \"it's\"}]\n"
      "</parameter>\n<parameter=e>\n[x]\n</parameter>\n<parameter=s>\nTrue\n</parameter>\n"
      "</function>\n</tool_call>";
  const char* const source = "<tool_call><function=<parameter=";
  EXPECT_EQ(arguments_in(source, text, {{"add", {"s"}}}),
            R"({"a":true,"b":false,"c":null,"d":["x",{"y":"it's"}],"e":"[x]","s":"True"})");
  EXPECT_EQ(
      arguments_in(source, text, {}),
      R"({"a":"True","b":"False","c":"None","d":"['x', {'y': \"it's\"}]","e":"[x]","s":"True"})");
}

TEST(AnswerParser, every_family_is_read_however_the_text_is_cut) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.what);
    const Whole whole = parse_every_way(find_answer_format(one.marks), with_tools(), one.text);
    EXPECT_EQ(whole.content, one.content);
    EXPECT_EQ(whole.reasoning, one.reasoning);
    EXPECT_EQ(whole.warnings.size(), one.n_warnings)
        << (whole.warnings.empty() ? "" : whole.warnings[0]);
    ASSERT_EQ(whole.calls.size(), one.calls.size());
    for (size_t i = 0; i < one.calls.size(); ++i) {
      EXPECT_EQ(whole.calls[i].name, one.calls[i].first);
      EXPECT_EQ(whole.calls[i].arguments, one.calls[i].second);
      EXPECT_EQ(whole.calls[i].id.size(), 9u);
    }
  }
}

TEST(AnswerParser, arguments_are_given_out_before_the_call_is_complete) {
  AnswerParser parser(find_answer_format("<tool_call>"), with_tools());
  const AnswerPieces first =
      parser.push("<tool_call>{\"name\": \"a\", \"arguments\": {\"x\": \"lon");
  ASSERT_EQ(first.calls.size(), 1u);
  EXPECT_EQ(first.calls[0].name, "a");
  EXPECT_EQ(first.calls[0].arguments, "{\"x\": \"lon");
  const AnswerPieces second = parser.push("g\"}");
  ASSERT_EQ(second.calls.size(), 1u);
  EXPECT_EQ(second.calls[0].name, "");
  EXPECT_EQ(second.calls[0].arguments, "g\"}");
}

TEST(AnswerParser, a_call_that_comes_again_counts_once_where_repeats_are_dropped) {
  const AnswerFormat format = find_answer_format("<tool_call>");
  const auto call = [](const std::string& name, const std::string& arguments) {
    return "<tool_call>{\"name\": \"" + name + "\", \"arguments\": " + arguments +
           "}</tool_call>\n";
  };
  const std::string rome = R"({"city": "Rome"})", longer = R"({"city": "Rome", "days": 1})";
  const std::string text = call("get_weather", rome) + call("get_weather", rome) +
                           call("add", rome) + call("get_weather", longer) +
                           call("get_weather", "{\"city\" :\n\"Rome\"}") + call("add", "{}") +
                           call("add", "{ }");
  AnswerOptions options = with_tools();
  EXPECT_EQ(parse_every_way(format, options, text).calls.size(), 7u) << "elsewhere repeats count";
  options.drops_repeats = true;
  const Whole whole = parse_every_way(format, options, text);
  std::vector<std::pair<std::string, std::string>> calls;
  for (const Call& made : whole.calls) calls.emplace_back(made.name, made.arguments);
  const decltype(calls) expected = {
      {"get_weather", rome}, {"add", rome}, {"get_weather", longer}, {"add", "{}"}};
  EXPECT_EQ(calls, expected);
  EXPECT_EQ(whole.warnings.size(), 1u);
  EXPECT_EQ(whole.content, "");
  // Cut off where it might still have been a repeat, or might not.
  const std::string cut = call("add", rome) + call("add", longer).substr(0, 48);
  ASSERT_EQ(parse_every_way(format, options, cut).calls.size(), 2u);
  EXPECT_TRUE(rome.starts_with(parse(format, options, {cut}).calls[1].arguments));
}

TEST(AnswerParser, a_prompt_that_opens_the_reasoning_counts) {
  AnswerOptions options = with_tools();
  options.prompt = "<|im_start|>assistant\n<think>\n";
  const Whole whole =
      parse_every_way(find_answer_format("<think>"), options, "So.\n</think>\n\nYes");
  EXPECT_EQ(whole.reasoning, "So.");
  EXPECT_EQ(whole.content, "Yes");
  options.prompt = "<think>\n\n</think>\n\n";
  EXPECT_EQ(parse(find_answer_format("<think>"), options, {"So."}).content, "So.");
}

TEST(AnswerParser, without_tools_and_splitting_the_text_stays_as_it_is) {
  AnswerOptions options;
  options.splits_reasoning = false;
  const std::string text = "<think>a</think> <tool_call>{\"name\":\"a\"}</tool_call>\n";
  EXPECT_EQ(parse_every_way(find_answer_format("<think><tool_call>"), options, text).content, text);
}

TEST(AnswerParser, mutated_answers_do_not_depend_on_cuts) {
  std::mt19937 random(11);
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.what);
    const AnswerFormat format = find_answer_format(one.marks);
    for (int n = 0; n < 60; ++n) {
      std::string text = one.text;
      for (int i = 0; i < 3; ++i) {
        const size_t at = random() % text.size();
        switch (random() % 3) {
          case 0:
            text.erase(at, 1 + random() % 4);
            break;
          case 1:
            text.insert(at, std::string_view(one.text).substr(random() % text.size() / 2, 7));
            break;
          default:
            text[at] = "{}[]\"<>\n,:x"[random() % 11];
        }
        if (text.empty()) text = "x";
      }
      const Whole whole = parse(format, with_tools(), {text});
      std::vector<std::string_view> bytes;
      for (size_t i = 0; i < text.size(); ++i) bytes.push_back(std::string_view(text).substr(i, 1));
      ASSERT_EQ(parse(format, with_tools(), bytes), whole) << text;
    }
  }
}

TEST(AnswerFormat, real_templates_show_their_marks) {
  const auto folder = test::input("templates");
  HEARTH_NEEDS_INPUT(folder);
  const auto format_of = [&](const std::string& name) {
    std::ifstream in(folder / (name + ".jinja"), std::ios::binary);
    const std::string source{std::istreambuf_iterator<char>(in), {}};
    EXPECT_FALSE(source.empty()) << name;
    return find_answer_format(source);
  };
  const std::map<std::string, std::string> begins = {
      {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "<tool_call>"},
      {"Qwen-Qwen2.5-7B-Instruct", "<tool_call>"},
      {"Qwen-Qwen3-0.6B", "<tool_call>"},
      {"Qwen3-Coder", "<tool_call>"},
      {"meta-llama-Llama-3.1-8B-Instruct", "<|python_tag|>"},
      {"mistralai-Mistral-Nemo-Instruct-2407", "[TOOL_CALLS]"},
      {"Mistral-Small-3.2-24B-Instruct-2506", "[TOOL_CALLS]"},
      {"deepseek-ai-DeepSeek-V3.1", "<｜tool▁call▁begin｜>"},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "<｜tool▁call▁begin｜>"},
      {"moonshotai-Kimi-K2", "<|tool_call_begin|>"},
      {"meetkai-functionary-medium-v3.1", "<function="},
      {"google-gemma-4-31B-it", "<|tool_call>"},
      {"LFM2-8B-A1B", "<|tool_call_start|>"},
      {"LFM2.5-8B-A1B", "<|tool_call_start|>"},
      {"LFM2.5-Instruct", "<|tool_call_start|>"},
      {"MiniMax-M2", "<minimax:tool_call>"},
      {"ByteDance-Seed-OSS", "<seed:tool_call>"},
      {"deepseek-ai-DeepSeek-V3.2", "<｜DSML｜function_calls>"},
      {"deepseek-ai-DeepSeek-V4", "<｜DSML｜tool_calls>"},
  };
  for (const auto& [name, begin] : begins) {
    const AnswerFormat format = format_of(name);
    ASSERT_FALSE(format.calls.empty()) << name;
    EXPECT_EQ(format.calls[0].begin, begin) << name;
  }
  const std::map<std::string, CallTags> tags = {
      {"Qwen3-Coder", CallTags::kFunctions},
      {"Qwen3.5-4B", CallTags::kFunctions},
      {"StepFun3.5-Flash", CallTags::kFunctions},
      {"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", CallTags::kFunctions},
      {"ByteDance-Seed-OSS", CallTags::kInlineFunctions},
      {"GLM-4.6", CallTags::kKeys},
      {"GLM-4.7-Flash", CallTags::kKeys},
      {"inclusionai-ling-3.0-flash", CallTags::kKeys},
      {"poolside-Laguna-S-2.1", CallTags::kKeys},
      {"Qwen-Qwen3-0.6B", CallTags::kNone},
      {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", CallTags::kNone},
      {"meetkai-functionary-medium-v3.1", CallTags::kNone},
      {"MiniMax-M2", CallTags::kNone},
  };
  for (const auto& [name, its] : tags) EXPECT_EQ(format_of(name).tags, its) << name;
  EXPECT_EQ(format_of("openai-gpt-oss-120b").style, AnswerStyle::kHarmony);
  EXPECT_EQ(format_of("meetkai-functionary-medium-v3.2").style, AnswerStyle::kFunctionary);
  EXPECT_EQ(format_of("Qwen-Qwen3-0.6B").think_end, "</think>");
  EXPECT_EQ(format_of("ByteDance-Seed-OSS").think_end, "</seed:think>");
  EXPECT_EQ(format_of("google-gemma-4-31B-it").think_end, "<channel|>");
  EXPECT_EQ(format_of("mistralai-Ministral-3-14B-Reasoning-2512").think_begin, "[THINK]");
  EXPECT_TRUE(format_of("google-gemma-2-2b-it").has_bare_calls);
  EXPECT_TRUE(format_of("meta-llama-Llama-3.2-3B-Instruct").has_bare_calls);
}

}  // namespace
}  // namespace hearth::text

// SPDX-License-Identifier: MIT
#include "sample/grammar/tool_grammar.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "base/json.h"
#include "sample/grammar/json_schema.h"
#include "sample/grammar/mask.h"
#include "tests/sample/grammar/grammar_fixture.h"
#include "tests/support/inputs.h"
#include "tests/text/toy_vocab.h"
#include "text/answer_parser.h"
#include "text/chat_template.h"

namespace hearth::sample {
namespace {

using Json = nlohmann::ordered_json;

// Bytes, some marks as special tokens, an end.
std::unique_ptr<text::Tokenizer> toy_tokenizer() {
  text::test::ToyVocab vocab = text::test::toy_bpe();
  for (const char* mark :
       {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>", "<|end|>", "<|return|>",
        "<|call|>", "[TOOL_CALLS]", "[ARGS]", "<｜tool▁call▁begin｜>", "<|im_end|>", "<|tool_call>",
        "<tool_call|>", "<|\"|>"})
    vocab.add(mark, 3);
  for (const char* mark : {"<tool_call>", "</tool_call>", "</think>", "｜DSML｜", "<arg_key>",
                           "</arg_key>", "<arg_value>", "</arg_value>"})
    vocab.add(mark, 4);
  auto tokenizer = text::Tokenizer::make(vocab.metadata());
  EXPECT_TRUE(tokenizer.has_value());
  return std::move(*tokenizer);
}

// Bytes and an end: all marks are plain text.
std::unique_ptr<text::Tokenizer> plain_tokenizer() {
  text::test::ToyVocab vocab = text::test::toy_bpe();
  vocab.add("<|im_end|>", 3);
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

Parsed parse(const text::AnswerFormat& format, const std::string& text, bool in_reasoning,
             std::vector<std::string> tools = {"get_weather", "add"},
             std::vector<text::TextArguments> text_arguments = {}) {
  text::AnswerOptions options;
  options.reads_calls = true;
  options.tool_names = std::move(tools);
  options.text_arguments = std::move(text_arguments);
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
    "<tool_call><function=<parameter=",
    "<think><tool_call><arg_key>",
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

// Tools whose arguments are all that is hard to write without JSON.
const char* const kHardTools = R"([
  {"type":"function","function":{"name":"write_file","parameters":{"type":"object","properties":{
    "path":{"type":"string","minLength":1,"maxLength":9},"text":{"type":"string"},
    "mode":{"enum":["a","\n<b>\n","true","12"]},"owner":{"type":["string","null"]},
    "zip":{"type":"string","pattern":"^[0-9]{2,3}$"},"key":{"type":"string","minLength":3},
    "lines":{"type":"array","items":{"type":"string","maxLength":4},"maxItems":3},
    "deep":{"$ref":"#/$defs/deep"},"on":{"type":"boolean"},"size":{"type":"number","minimum":0},
    "any":{"anyOf":[{"const":null},{"const":"null"},{"type":"integer","maximum":99}]}},
    "required":["path","zip","on"],"$defs":{"deep":{"type":"object","properties":{
      "a b":{"type":"string","maxLength":3},"x":{"type":"boolean"}},"required":["a b"],
      "additionalProperties":{"type":"null"}}}}}},
  {"type":"function","function":{"name":"stop"}},
  {"type":"function","function":{"name":"none","parameters":{"type":"object","properties":{}}}},
  {"type":"function","function":{"name":"open","parameters":{"type":"object",
    "additionalProperties":{"enum":["<",true,null]}}}},
  {"type":"function","function":{"name":"log","parameters":{"type":"object",
    "properties":{"level":{"type":"string"},"n":{"type":"integer"}},"required":["level"],
    "additionalProperties":{"type":["string","integer"]}}}},
  {"type":"function","function":{"name":"choose","parameters":{"anyOf":[
    {"type":"object","properties":{"a":{"const":"</parameter>"}},"required":["a"]},
    {"type":"object","properties":{"b":{"type":"boolean"}},"required":["b"]}]}}},
  {"type":"function","function":{"name":"odd","parameters":{"type":"object",
    "properties":{" a":{"type":"boolean"}},"required":[" a"]}}}])";

// Templates, and what ends names and texts in their calls.
const std::pair<const char*, std::vector<const char*>> kNativeTemplates[] = {
    {"<|channel>thought<channel|><|tool_call>", {"<|\"|>"}},
    {"<|tool_list_start|>", {"\"", "="}},
    {"<minimax:tool_call>", {"</parameter>", "\">"}},
    {"｜DSML｜function_calls>", {"</｜DSML｜parameter>", "\" string"}},
    {"｜DSML｜tool_calls>", {"</｜DSML｜parameter>", "\" string"}},
    {"<tool_call><function=<parameter=", {"\n</parameter>", ">\n"}},
    {"<seed:tool_call><function=<parameter=", {"</parameter>", ">\n"}},
    {"<tool_call><arg_key>", {"</arg_value>", "</arg_key>"}},
};

// As a model would: mostly what is hard to read, and now and then what ends a text.
class HardWalk {
 public:
  HardWalk(const std::shared_ptr<const Grammar>& grammar,
           const std::shared_ptr<const TokenTable>& table, const text::Tokenizer& tokenizer,
           std::vector<const char*> ends, uint32_t seed)
      : mask_(make_mask(grammar, table)),
        tokenizer_(tokenizer),
        ends_(std::move(ends)),
        random_(seed) {}

  std::string run() {
    for (int n = 0; n < 3000; ++n) {
      const auto allowed = mask_->allowed();
      std::vector<int32_t> all, hard;
      for (int32_t id = 0; id < static_cast<int32_t>(tokenizer_.n_vocab()); ++id) {
        if ((allowed[static_cast<size_t>(id) / 64] >> (id % 64) & 1) == 0) continue;
        if (tokenizer_.is_end_of_generation(id)) return text_;
        all.push_back(id);
        std::string piece;
        tokenizer_.append_piece(id, true, piece);
        if (std::string_view("<>/|\"\\'\n{}[]u0123name").find(piece) != std::string_view::npos)
          hard.push_back(id);
      }
      if (random_() % 4 == 0 && write_end()) continue;
      const auto& from = !hard.empty() && random_() % 3 != 0 ? hard : all;
      accept(from[random_() % from.size()]);
    }
    return "no end after " + text_;
  }

 private:
  void accept(int32_t id) {
    EXPECT_TRUE(mask_->accept(id).has_value());
    tokenizer_.append_piece(id, true, text_);
  }

  bool write_end() {
    const auto ids = tokenizer_.encode(ends_[random_() % ends_.size()], {false, true});
    const auto ahead = mask_->clone();
    if (!std::all_of(ids.begin(), ids.end(), [&](auto id) { return ahead->accept(id); }))
      return false;
    for (const text::TokenId id : ids) accept(id);
    return true;
  }

  std::unique_ptr<TokenMask> mask_;
  const text::Tokenizer& tokenizer_;
  std::vector<const char*> ends_;
  std::minstd_rand random_;
  std::string text_;
};

TEST(ToolGrammar, families_without_json_are_read_back_to_what_the_schema_says) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const Json tools = parse_ordered_json(kHardTools);
  std::vector<std::string> names;
  std::vector<std::shared_ptr<const Grammar>> schemas;
  std::vector<text::TextArguments> texts;
  for (const Json& tool : tools) {
    const Json function = tool["function"];
    const Json schema = function.value("parameters", Json{{"type", "object"}});
    names.push_back(function["name"]);
    texts.push_back({names.back(), text_members(schema)});
    const auto grammar = json_schema_grammar(schema);
    ASSERT_TRUE(grammar.has_value());
    schemas.push_back(*grammar);
  }
  for (const auto& [source, ends] : kNativeTemplates) {
    const text::AnswerFormat format = text::find_answer_format(source);
    std::set<std::string> called;
    for (uint32_t seed = 1; seed <= 60; ++seed) {
      const auto grammar = tool_grammar(
          format, *tokenizer, tools,
          {.only = names[seed % names.size()], .is_parallel = seed % 2 == 0, .may_think = false});
      ASSERT_TRUE(grammar.has_value()) << source << grammar.error().message;
      const std::string text = HardWalk(*grammar, table, *tokenizer, ends, seed).run();
      const Parsed parsed = parse(format, text, false, names, texts);
      SCOPED_TRACE(text);
      EXPECT_EQ(parsed.content + parsed.reasoning, "");
      EXPECT_EQ(parsed.n_warnings, 0u);
      ASSERT_GE(parsed.calls.size(), 1u);
      for (const auto& [name, arguments] : parsed.calls) {
        const auto at = std::find(names.begin(), names.end(), name) - names.begin();
        ASSERT_LT(at, std::ssize(names)) << name;
        EXPECT_TRUE(test::matches(*schemas[static_cast<size_t>(at)], arguments)) << arguments;
        called.insert(name);
      }
    }
    EXPECT_EQ(called.size(), names.size()) << source;
  }
}

TEST(ToolGrammar, families_without_json_write_as_their_templates_do) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const Json tools = parse_ordered_json(kHardTools);
  const std::pair<const char*, const char*> cases[] = {
      {"<|channel>thought<channel|><|tool_call>",
       "<|tool_call>call:write_file{path:<|\"|>a.md<|\"|>,text:<|\"|>it's \"<b>\" |x|\n<|\"|>,"
       "owner:null,zip:<|\"|>12<|\"|>,lines:[<|\"|>a<|\"|>],deep:{<|\"|>a b<|\"|>:<|\"|>c<|\"|>,"
       "x:true},on:false}<tool_call|>"},
      {"<|tool_list_start|>",
       "<|tool_call_start|>[write_file(path=\"a.md\", text=\"<|tool_call_end|> 's\", "
       "owner=None, zip=\"12\", lines=[\"a\"], deep={\"a b\": \"c\", \"x\": True}, on=False), "
       "none()]<|tool_call_end|>"},
      {"<minimax:tool_call>",
       "<minimax:tool_call>\n<invoke name=\"write_file\">\n<parameter name=\"path\">a.md"
       "</parameter>\n<parameter name=\"text\">12 </b> < </paramet\n</parameter>\n"
       "<parameter name=\"owner\">null</parameter>\n<parameter name=\"zip\">12</parameter>\n"
       "<parameter name=\"lines\">[\"a\"]</parameter>\n<parameter name=\"on\">false</parameter>\n"
       "</invoke>\n<invoke name=\"none\">\n</invoke>\n</minimax:tool_call>"},
      {"｜DSML｜function_calls>",
       "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"write_file\">\n<｜DSML｜parameter "
       "name=\"path\" string=\"true\">a.md</｜DSML｜parameter>\n<｜DSML｜parameter name=\"zip\" "
       "string=\"true\">12</｜DSML｜parameter>\n<｜DSML｜parameter name=\"on\" string=\"false\">"
       "false</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"},
      {"<tool_call><function=<parameter=",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na.md\n</parameter>\n"
       "<parameter=text>\n\n12 </b> < </paramet\n\n</parameter>\n<parameter=owner>\nnull\n"
       "</parameter>\n<parameter=zip>\n12\n</parameter>\n<parameter=lines>\n[\"a\"]\n"
       "</parameter>\n<parameter=on>\nfalse\n</parameter>\n</function>\n</tool_call>\n"
       "<tool_call>\n<function=none>\n</function>\n</tool_call>"},
      {"<tool_call><arg_key>",
       "\n<tool_call>write_file\n<arg_key>path</arg_key>\n<arg_value>a.md</arg_value>\n"
       "<arg_key>text</arg_key>\n<arg_value>12 </b> < </arg_valu\n</arg_value>\n"
       "<arg_key>owner</arg_key>\n<arg_value>null</arg_value>\n<arg_key>zip</arg_key>\n"
       "<arg_value>12</arg_value>\n<arg_key>on</arg_key>\n<arg_value>false</arg_value>\n"
       "</tool_call>\n<tool_call>none\n</tool_call>"},
      {"<tool_call><arg_key>",
       "<tool_call>write_file<arg_key>path</arg_key><arg_value>a.md</arg_value><arg_key>zip"
       "</arg_key><arg_value>12</arg_value><arg_key>on</arg_key><arg_value>false</arg_value>"
       "</tool_call><tool_call>none</tool_call>"},
  };
  for (const auto& [source, text] : cases) {
    const text::AnswerFormat format = text::find_answer_format(source);
    const auto grammar = tool_grammar(format, *tokenizer, tools, {.may_think = false});
    ASSERT_TRUE(grammar.has_value()) << source << grammar.error().message;
    EXPECT_EQ(walk(**grammar, table, *tokenizer, 1, text), text);
    const Parsed parsed =
        parse(format, text, false, {"write_file", "none"}, {{"write_file", {"path", "zip"}}});
    ASSERT_GE(parsed.calls.size(), 1u) << text;
    EXPECT_EQ(parsed.n_warnings, 0u) << text;
    const Json arguments = parse_ordered_json(parsed.calls[0].second);
    EXPECT_EQ(arguments["zip"], "12") << arguments;
    EXPECT_EQ(arguments["on"], false) << arguments;
  }
}

// Whether an answer may be this text, and end there.
bool is_answer(const std::shared_ptr<const Grammar>& grammar,
               const std::shared_ptr<const TokenTable>& table, const text::Tokenizer& tokenizer,
               std::string_view text) {
  const auto mask = make_mask(grammar, table);
  for (const text::TokenId id : tokenizer.encode(text, {false, true})) {
    if (!mask->accept(id)) return false;
  }
  const auto end = static_cast<size_t>(tokenizer.find_token("<|im_end|>"));
  return mask->complete() || (mask->allowed()[end / 64] >> (end % 64) & 1) != 0;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

struct TaggedCall {
  const char* source;
  std::string text;
  std::vector<std::pair<std::string, std::string>> wrong;  // what is replaced, by what
};

std::vector<TaggedCall> tagged_calls() {
  return {
      {"<tool_call><function=<parameter=",
       "<tool_call>\n<function=write_file>\n<parameter=path>\na.md\n</parameter>\n"
       "<parameter=text>\none\n</parameter>\n<parameter=zip>\n12\n</parameter>\n"
       "<parameter=on>\nfalse\n</parameter>\n</function>\n</tool_call>",
       {{"</function>", "</functions>"},
        {"</function>\n", ""},
        {"\n</tool_call>", "</tool_call>"},
        {"12\n</parameter>", "12\n</parameters>"},
        {"12\n</parameter>", "12</parameter>"},
        {"one", "one</parameter>"},
        {"one", "one\n</parameter>\n"},
        {"one", "one</function>"},
        {"one", "one</tool_call>"},
        {"<parameter=zip>\n12\n</parameter>\n", ""},
        {"<parameter=zip>", "<parameter=path>\nb\n</parameter>\n<parameter=zip>"},
        {"<parameter=zip>", "<parameter=text>\ntwo\n</parameter>\n<parameter=zip>"},
        {"<parameter=zip>", "<parameter=size>\n1\n</parameter>\n<parameter=other>\n"},
        {"12", "\"12\""},
        {"false", "\"false\""},
        {"false", "False"},
        {"write_file", "write_files"}}},
      {"<tool_call><arg_key>",
       "<tool_call>write_file\n<arg_key>path</arg_key>\n<arg_value>a.md</arg_value>\n"
       "<arg_key>text</arg_key>\n<arg_value>one</arg_value>\n<arg_key>zip</arg_key>\n"
       "<arg_value>12</arg_value>\n<arg_key>on</arg_key>\n<arg_value>false</arg_value>\n"
       "</tool_call>",
       {{"12</arg_value>", "12</arg_key>"},
        {"12</arg_value>", "12"},
        {"12</arg_value>", "12\n\n</arg_value>"},
        {"zip</arg_key>", "zip</arg_value>"},
        {"one", "one</arg_value>"},
        {"one", "one</tool_call>"},
        {"<arg_key>zip</arg_key>\n<arg_value>12</arg_value>\n", ""},
        {"<arg_key>zip", "<arg_key>path</arg_key>\n<arg_value>b</arg_value>\n<arg_key>zip"},
        {"<arg_key>zip", "<arg_key>text</arg_key>\n<arg_value>two</arg_value>\n<arg_key>zip"},
        {"<arg_key>zip", "<arg_key>other"},
        {"12", "\"12\""},
        {"false", "\"false\""},
        {"false", "False"},
        {"write_file", "write_files"}}},
  };
}

TEST(ToolGrammar, tags_and_what_is_in_them_are_as_the_schema_says_and_nothing_else) {
  const Json tools = parse_ordered_json(kHardTools);
  for (const auto& tokenizer : {toy_tokenizer(), plain_tokenizer()}) {
    const auto table = TokenTable::make(*tokenizer);
    for (const TaggedCall& call : tagged_calls()) {
      const auto grammar = tool_grammar(text::find_answer_format(call.source), *tokenizer, tools,
                                        {.may_think = false});
      ASSERT_TRUE(grammar.has_value()) << grammar.error().message;
      EXPECT_TRUE(is_answer(*grammar, table, *tokenizer, call.text)) << call.text;
      for (const auto& [from, to] : call.wrong) {
        const std::string text = replaced(call.text, from, to);
        EXPECT_FALSE(is_answer(*grammar, table, *tokenizer, text)) << text;
      }
    }
  }
}

TEST(ToolGrammar, members_that_are_not_listed_are_written_where_the_schema_allows_them) {
  const auto tokenizer = toy_tokenizer();
  const auto table = TokenTable::make(*tokenizer);
  const Json tools = parse_ordered_json(kHardTools);
  const std::pair<const char*, const char*> cases[] = {
      {"<|tool_list_start|>",
       "<|tool_call_start|>[log(level=\"5\", why=\"<7>\", when=8)]<|tool_call_end|>"},
      {"<minimax:tool_call>",
       "<minimax:tool_call>\n<invoke name=\"log\">\n<parameter name=\"level\">5</parameter>\n"
       "<parameter name=\"why\">\"\\u003c7>\"</parameter>\n<parameter name=\"when\">8</parameter>"
       "\n</invoke>\n</minimax:tool_call>"},
      {"｜DSML｜tool_calls>",
       "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"log\">\n<｜DSML｜parameter name=\"level\" "
       "string=\"true\">5</｜DSML｜parameter>\n<｜DSML｜parameter name=\"why\" string=\"false\">"
       "\"\\u003c7>\"</｜DSML｜parameter>\n<｜DSML｜parameter name=\"when\" string=\"false\">8"
       "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>"},
      {"<tool_call><function=<parameter=",
       "<tool_call>\n<function=log>\n<parameter=level>\n5\n</parameter>\n<parameter=why>\n"
       "\"\\u003c7>\"\n</parameter>\n<parameter=when>\n8\n</parameter>\n</function>\n"
       "</tool_call>"},
      {"<tool_call><arg_key>",
       "<tool_call>log\n<arg_key>level</arg_key>\n<arg_value>5</arg_value>\n<arg_key>why"
       "</arg_key>\n<arg_value>\"\\u003c7>\"</arg_value>\n<arg_key>when</arg_key>\n<arg_value>8"
       "</arg_value>\n</tool_call>"},
  };
  for (const auto& [source, text] : cases) {
    const text::AnswerFormat format = text::find_answer_format(source);
    const auto grammar = tool_grammar(format, *tokenizer, tools, {.may_think = false});
    ASSERT_TRUE(grammar.has_value()) << source << grammar.error().message;
    EXPECT_TRUE(is_answer(*grammar, table, *tokenizer, text)) << text;
    for (const char* name : {"level", "", "a b", "a>b", "a<"}) {
      const std::string wrong = replaced(text, "when", name);
      EXPECT_FALSE(is_answer(*grammar, table, *tokenizer, wrong)) << wrong;
    }
    const Parsed parsed = parse(format, text, false, {"log"}, {{"log", {"level"}}});
    ASSERT_EQ(parsed.calls.size(), 1u) << text;
    EXPECT_EQ(parsed.calls[0].second, R"({"level":"5","why":"<7>","when":8})");
  }
}

// What a template writes of a conversation's two calls, from the first one's mark to the last
// one's.
std::string calls_of_template(const text::ChatTemplate& made, const text::CallMarks& marks,
                              const Json& tools, const Json& arguments) {
  text::ChatInput input;
  input.tools = tools;
  for (Json& tool : input.tools) {
    if (marks.begin != "<seed:tool_call>") break;  // This template alone cannot do without.
    Json& parameters = tool["function"]["parameters"];
    if (!parameters.contains("properties")) parameters["properties"] = Json::object();
  }
  const auto call_of = [](const char* name, const Json& its) {
    return Json{{"id", "123456789"},
                {"type", "function"},
                {"function", {{"name", name}, {"arguments", its}}}};
  };
  input.messages = Json::array({{{"role", "user"}, {"content", "Write it down."}},
                                {{"role", "assistant"},
                                 {"content", ""},
                                 {"tool_calls", Json::array({call_of("write_file", arguments),
                                                             call_of("none", Json::object())})}}});
  const auto prompt = made.render(input);
  EXPECT_TRUE(prompt.has_value()) << prompt.error().message;
  if (!prompt) return "";
  const size_t begin = prompt->find(marks.begin, prompt->rfind("Write it down."));
  const size_t end = prompt->rfind(marks.end);
  EXPECT_TRUE(begin < end) << *prompt;
  return prompt->substr(begin, end + marks.end.size() - begin);
}

TEST(ToolGrammar, calls_in_tags_may_be_written_as_real_templates_write_them) {
  const auto folder = hearth::test::input("templates");
  HEARTH_NEEDS_INPUT(folder);
  const Json tools = parse_ordered_json(kHardTools);
  const Json arguments = parse_ordered_json(
      R"({"path":"a.md","text":"if a < b:\n  </b>\n\nend","zip":"12","lines":["x","\""],)"
      R"("deep":{"a b":"c"},"on":true,"size":1.5})");
  for (const auto& tokenizer : {toy_tokenizer(), plain_tokenizer()}) {
    const auto table = TokenTable::make(*tokenizer);
    for (const char* name :
         {"Qwen3-Coder", "Qwen3.5-4B", "StepFun3.5-Flash", "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
          "ByteDance-Seed-OSS", "GLM-4.6", "GLM-4.7-Flash", "Spark2.5",
          "inclusionai-ling-3.0-flash", "poolside-Laguna-XS.2", "poolside-Laguna-XS-2.1",
          "poolside-Laguna-S-2.1"}) {
      SCOPED_TRACE(name);
      std::ifstream in(folder / (std::string(name) + ".jinja"), std::ios::binary);
      const std::string source{std::istreambuf_iterator<char>(in), {}};
      const auto made = text::ChatTemplate::parse(source);
      ASSERT_TRUE(made.has_value()) << made.error().message;
      const text::AnswerFormat format = text::find_answer_format(source);
      const auto grammar = tool_grammar(format, *tokenizer, tools, {.may_think = false});
      ASSERT_TRUE(grammar.has_value()) << grammar.error().message;
      std::string text = calls_of_template(*made, format.calls[0], tools, arguments);
      const auto expect_calls = [&](const std::string& its) {
        const Parsed parsed =
            parse(format, its, false, {"write_file", "none"},
                  {{"write_file", text_members(tools[0]["function"]["parameters"])}});
        ASSERT_EQ(parsed.calls.size(), 2u) << its;
        EXPECT_EQ(parse_ordered_json(parsed.calls[0].second), arguments);
        EXPECT_EQ(parsed.calls[1], std::make_pair(std::string("none"), std::string("{}")));
      };
      expect_calls(text);
      // Some write these values as Python does, which their models' calls need not.
      if (format.tags == text::CallTags::kFunctions) text = replaced(text, "\nTrue\n", "\ntrue\n");
      if (format.tags == text::CallTags::kInlineFunctions) {
        text = replaced(text, ">True<", ">true<");
        text = replaced(text, "['x', '\"']", R"(["x","\""])");
        text = replaced(text, "{'a b': 'c'}", R"({"a b":"c"})");
      }
      EXPECT_TRUE(is_answer(*grammar, table, *tokenizer, text)) << text;
      expect_calls(text);
    }
  }
}

TEST(ToolGrammar, a_value_that_a_familys_calls_cannot_hold_is_refused) {
  const auto tokenizer = toy_tokenizer();
  const Json tools = parse_ordered_json(R"([{"function":{"name":"f","parameters":{"type":"object",
    "properties":{"a":{"const":"x</parameter>"}}}}}])");
  const auto refused = tool_grammar(text::find_answer_format("<minimax:tool_call>"), *tokenizer,
                                    tools, {.may_think = false});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("tool 'f'"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("</parameter>"), std::string::npos);
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
  for (const char* source : {"<tool_call>", "[TOOL_CALLS]", "[TOOL_CALLS][ARGS]", "<function=",
                             "<tool_call><function=<parameter=", "<tool_call><arg_key>"}) {
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

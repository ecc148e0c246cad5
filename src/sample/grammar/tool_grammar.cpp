// SPDX-License-Identifier: MIT
#include "sample/grammar/tool_grammar.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "sample/grammar/builder.h"
#include "sample/grammar/free_text.h"
#include "sample/grammar/json_schema.h"
#include "text/tool_call_json.h"

namespace hearth::sample {
namespace {

using Json = nlohmann::ordered_json;
using text::AnswerStyle;
using text::CallMarks;
using text::CallTags;

constexpr uint32_t kMostCalls = 32;  // of one answer
constexpr std::string_view kDsmlMark = "｜DSML｜";

// Families whose calls are not JSON.
enum class Syntax {
  kJson,
  kBareObject,  // Gemma 4: call:NAME{KEY:VALUE,…}
  kPython,      // LFM2: NAME(KEY=VALUE, …)
  // Tags, of which none says whether a value is text
  kInvoke,           // MiniMax M2: <invoke name="NAME"><parameter name="KEY">
  kFunctions,        // Qwen3-Coder: <function=NAME><parameter=KEY>, values on lines of their own
  kInlineFunctions,  // Seed-OSS: the same without those lines
  kKeys,             // GLM: NAME<arg_key>KEY</arg_key><arg_value>
  // and tags that say it
  kDsml,  // DeepSeek V3.2, V4: those of MiniMax M2, with a mark in each
};

Syntax syntax_of(const text::AnswerFormat& format) {
  if (format.style != AnswerStyle::kMarks || format.calls.empty()) return Syntax::kJson;
  if (format.tags == CallTags::kFunctions) return Syntax::kFunctions;
  if (format.tags == CallTags::kInlineFunctions) return Syntax::kInlineFunctions;
  if (format.tags == CallTags::kKeys) return Syntax::kKeys;
  const std::string& begin = format.calls[0].begin;
  if (begin == "<|tool_call>") return Syntax::kBareObject;
  if (begin == "<|tool_call_start|>") return Syntax::kPython;
  if (begin == "<minimax:tool_call>") return Syntax::kInvoke;
  return begin.starts_with("<" + std::string(kDsmlMark)) ? Syntax::kDsml : Syntax::kJson;
}

// As the parser reads names and keys that stand without quotes.
bool is_word(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

// Marks as the vocabulary has them: a special token, or plain text.
class Marks {
 public:
  Marks(GrammarBuilder& builder, const text::Tokenizer& tokenizer)
      : builder_(builder), tokenizer_(tokenizer) {}

  Expr part(const std::string& mark) const { return builder_.literal(spelled(mark)); }
  Trigger trigger(const std::string& mark, Expr then) const { return {spelled(mark), false, then}; }

 private:
  bool is_special(const std::string& mark) const {
    const text::TokenId id = tokenizer_.find_token(mark);
    constexpr uint16_t kSpecial = text::kControlToken | text::kUserDefinedToken;
    return id != text::kNoToken && (tokenizer_.token_kinds(id) & kSpecial) != 0;
  }
  std::string spelled(const std::string& mark) const {
    if (is_special(mark)) return special_spelling(mark);
    // "<|channel>thought": a token with text behind it; "<｜DSML｜invoke>": one inside.
    const size_t end = std::min(mark.find('>'), mark.size() - 1) + 1;
    if (end != mark.size() && is_special(mark.substr(0, end)))
      return special_spelling(mark.substr(0, end)) + spelled(mark.substr(end));
    const size_t dsml = mark.find(kDsmlMark);
    if (dsml == mark.npos || !is_special(std::string(kDsmlMark))) return mark;
    return mark.substr(0, dsml) + special_spelling(kDsmlMark) +
           spelled(mark.substr(dsml + kDsmlMark.size()));
  }

  GrammarBuilder& builder_;
  const text::Tokenizer& tokenizer_;
};

// What stands around the parts of a call that is written in tags.
struct Tags {
  Expr call, name_end;              // before a tool's name and behind it
  Expr key, key_end, text_key_end;  // around a parameter's name; text: of one that is a text alone
  Expr value_end, call_end;
};

struct Tool {
  std::string name;
  Expr arguments = 0;  // JSON
  Expr call = 0;       // in the family's own syntax; 0: none, it is written as JSON
};

class ToolGrammar {
 public:
  ToolGrammar(const text::AnswerFormat& format, const text::Tokenizer& tokenizer,
              const ToolGrammarOptions& options)
      : format_(format),
        options_(options),
        json_(builder_),
        marks_(builder_, tokenizer),
        tokenizer_(tokenizer),
        syntax_(syntax_of(format)),
        values_(builder_, notation_of_values()),
        texts_(builder_, notation_of_texts()) {}

  Result<std::shared_ptr<const Grammar>> run(const Json& tools) {
    TRY(read_tools(tools));
    if (options_.rule == CallRule::kFree) {
      TRY_LET(const Expr answer, free_answer());
      return builder_.finish(answer);
    }
    const Expr calls = forced_calls();
    if (format_.style == AnswerStyle::kHarmony) return builder_.finish(harmony(calls));
    const Expr answer = after_reasoning(builder_, format_, tokenizer_, calls, options_.in_reasoning,
                                        options_.may_think);
    // GLM 4.5 and 4.6 begin reasoning and calls on lines of their own.
    return builder_.finish(syntax_ == Syntax::kKeys ? builder_.sequence({line_or_none(), answer})
                                                    : answer);
  }

 private:
  Expr text(std::string_view bytes) { return builder_.literal(bytes); }
  Expr line_or_none() { return builder_.optional(text("\n")); }

  Status read_tools(const Json& tools) {
    if (!tools.is_array()) return invalid("tools: not a list");
    for (const Json& tool : tools) {
      const auto function = tool.is_object() ? tool.find("function") : tool.end();
      if (!tool.is_object() || function == tool.end() || !function->is_object() ||
          !function->contains("name") || !function->at("name").is_string())
        return invalid("tools: an entry without function.name");
      const std::string& name = function->at("name").get_ref<const std::string&>();
      if (!options_.only.empty() && name != options_.only) continue;
      const auto schema = function->find("parameters");
      const bool has_schema = schema != function->end() && !schema->is_null();
      TRY_LET(const Tool made, within("tool " + quote(name) + ": parameters",
                                      make_tool(name, has_schema ? &*schema : nullptr)));
      tools_.push_back(made);
    }
    if (tools_.empty())
      return options_.only.empty() ? invalid("tools: the list is empty")
                                   : invalid("tools: none is called {}", quote(options_.only));
    return {};
  }

  Result<Tool> make_tool(const std::string& name, const Json* schema) {
    Tool tool{name, json_.any_object(), 0};
    if (schema != nullptr) {
      TRY_LET(const Expr arguments, add_json_schema(json_, *schema));
      tool.arguments = builder_.shared("arguments of " + name, arguments);
    }
    if (syntax_ == Syntax::kJson || !is_word(name)) return tool;
    if (syntax_ == Syntax::kBareObject) {
      TRY_LET(const Expr object, schema == nullptr ? Result<Expr>(values_.any_object())
                                                   : add_json_schema(values_, *schema));
      tool.call = builder_.sequence({text("call:" + name), object});
    } else {
      TRY_LET(const auto members, members_in(schema));
      if (!members || !can_write_names(*members)) return tool;
      tool.call =
          syntax_ == Syntax::kPython ? python_call(name, *members) : tagged_call(name, *members);
    }
    if (tool.call != builder_.never()) tool.call = builder_.shared("call of " + name, tool.call);
    return tool;
  }

  // A tool without a schema has no parameters.
  Result<std::optional<SchemaMembers>> members_in(const Json* schema) {
    if (schema == nullptr) return SchemaMembers();
    return add_json_members(values_, texts_, *schema);
  }

  // The parser drops white space around keys in tags.
  bool can_write_names(const SchemaMembers& members) const {
    return std::all_of(members.listed.begin(), members.listed.end(), [this](const auto& member) {
      const std::string_view name = member.name;
      if (syntax_ == Syntax::kPython) return is_word(name);
      return name.find_first_of("\"<>") == name.npos && text::trimmed(name) == name;
    });
  }

  // Names that are surely read as they are written: of a member that is not listed.
  Expr other_name(const SchemaMembers& members) {
    CharSet chars({{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}, {'.', '.'}, {'-', '-'}});
    if (syntax_ != Syntax::kPython)
      chars = WordTree::plain_chars().without({{' ', ' '}, {'<', '<'}, {'>', '>'}});
    std::vector<std::string> not_these{""};
    for (const SchemaMember& member : members.listed) not_these.push_back(member.name);
    return builder_.word_except(std::move(not_these), chars);
  }

  Notation notation_of_values() {
    if (syntax_ == Syntax::kBareObject) {
      const std::string mark(text::kTextMark);
      const Expr quote = marks_.part(mark);
      return {.plain_text = Notation::PlainText{quote, quote, {mark}}};
    }
    if (syntax_ == Syntax::kPython) return {.yes = "True", .no = "False", .nothing = "None"};
    return {.escapes_tags = true, .plain_text = {}};
  }

  // Of arguments that are texts: where they stand as they are.
  Notation notation_of_texts() {
    const auto plain = [](std::vector<std::string> marks) {
      return Notation{.plain_text = Notation::PlainText{1, 1, std::move(marks)}};
    };
    switch (syntax_) {
      case Syntax::kInvoke:
        return plain({"</parameter>", "</invoke>", "</minimax:tool_call>"});
      case Syntax::kFunctions:  // The lines that the parser takes off are those of the tags.
        return plain({"</parameter>", "</function>", "</tool_call>"});
      case Syntax::kInlineFunctions:
        return plain({"</parameter>", "</function>", "</seed:tool_call>"});
      case Syntax::kKeys:
        return plain({"</arg_value>", "</tool_call>"});
      case Syntax::kDsml:
        return plain({"</" + std::string(kDsmlMark)});
      default:
        return notation_of_values();
    }
  }

  Expr python_call(const std::string& name, const SchemaMembers& members) {
    const auto argument = [this](Expr key, const SchemaMember& member) {
      return builder_.sequence({key, text("="), member.value});
    };
    return builder_.sequence(
        {text(name + "("), members_of(members, text(", "), argument), text(")")});
  }

  Expr tagged_call(const std::string& name, const SchemaMembers& members) {
    const Tags tags = has_functions()            ? tags_of_functions()
                      : syntax_ == Syntax::kKeys ? tags_of_keys()
                                                 : tags_of_invokes();
    const auto parameter = [&](Expr key, const SchemaMember& member) {
      return builder_.sequence({tags.key, key, member.is_text ? tags.text_key_end : tags.key_end,
                                member.value, tags.value_end});
    };
    return builder_.sequence({tags.call, text(name), tags.name_end,
                              members_of(members, builder_.empty(), parameter), tags.call_end});
  }

  // All on lines of their own.
  Tags tags_of_invokes() {
    const bool is_dsml = syntax_ == Syntax::kDsml;
    const std::string tag(is_dsml ? kDsmlMark : "");
    return {.call = marks_.part("<" + tag + "invoke name=\""),
            .name_end = text("\">\n"),
            .key = marks_.part("<" + tag + "parameter name=\""),
            .key_end = text(is_dsml ? "\" string=\"false\">" : "\">"),
            .text_key_end = text(is_dsml ? "\" string=\"true\">" : "\">"),
            .value_end = builder_.sequence({marks_.part("</" + tag + "parameter>"), text("\n")}),
            .call_end = marks_.part("</" + tag + "invoke>")};
  }

  bool has_functions() const {
    return syntax_ == Syntax::kFunctions || syntax_ == Syntax::kInlineFunctions;
  }

  // Values too may be on lines of their own.
  Tags tags_of_functions() {
    const bool is_inline = syntax_ == Syntax::kInlineFunctions;
    const Expr line = text("\n");
    const Expr key_end = text(is_inline ? ">" : ">\n");
    const Expr value_line = is_inline ? builder_.empty() : line;
    return {.call = marks_.part("<function="),
            .name_end = text(">\n"),
            .key = marks_.part("<parameter="),
            .key_end = key_end,
            .text_key_end = key_end,
            .value_end = builder_.sequence({value_line, marks_.part("</parameter>"), line}),
            .call_end = marks_.part("</function>")};
  }

  // GLM 4.5 and 4.6 put each tag on a line of its own, GLM 4.7 all of them on one; Ling has an
  // empty line where there are no parameters.
  Tags tags_of_keys() {
    const Expr line = line_or_none();
    const Expr key_end =
        builder_.sequence({marks_.part("</arg_key>"), line, marks_.part("<arg_value>")});
    return {.call = builder_.empty(),
            .name_end = line,
            .key = marks_.part("<arg_key>"),
            .key_end = key_end,
            .text_key_end = key_end,
            .value_end = builder_.sequence({marks_.part("</arg_value>"), line}),
            .call_end = line};
  }

  // `write`: a member from its name and what else is known of it.
  template <class Write>
  Expr members_of(const SchemaMembers& members, Expr separator, const Write& write) {
    ListParts list;
    list.separator = separator;
    for (const SchemaMember& member : members.listed) {
      list.parts.push_back(write(text(member.name), member));
      list.is_optional.push_back(!member.is_required);
    }
    if (members.others != builder_.never()) {
      const SchemaMember other{.value = members.others};
      list.more = builder_.shared("another argument", write(other_name(members), other));
    } else if (list.parts.empty()) {
      return builder_.empty();
    }
    return builder_.list(std::move(list));
  }

  // Calls in the family's own syntax; never() where no tool has any.
  Expr native_calls() {
    std::vector<Expr> ways;
    for (const Tool& tool : tools_) ways.push_back(tool.call);
    return builder_.choice(std::move(ways));
  }

  // What is between the marks of a family whose calls are not JSON, but for those tools whose
  // arguments its syntax cannot carry.
  Expr inside_native() {
    const Expr call = native_calls();
    const Expr rest = objects("arguments", true);
    if (has_functions())
      return builder_.sequence({text("\n"), builder_.choice({call, rest}), text("\n")});
    Expr calls = call;
    if (call != builder_.never() && syntax_ == Syntax::kPython)
      calls = builder_.sequence({text("["), several(call, text(", ")), text("]")});
    if (call != builder_.never() && (syntax_ == Syntax::kInvoke || syntax_ == Syntax::kDsml))
      calls = builder_.sequence({text("\n"), several(call, text("\n")), text("\n")});
    return builder_.choice({calls, rest});
  }

  // {"name": "…", "arguments": {…}}; `is_rest`: of the tools that have no call of their own.
  Expr objects(std::string_view arguments_key, bool is_rest = false) {
    std::vector<Expr> ways;
    for (const Tool& tool : tools_) {
      if (is_rest && tool.call != builder_.never()) continue;
      ways.push_back(builder_.sequence({text("{\"name\": " + json_text(Json(tool.name)) + ", \"" +
                                             std::string(arguments_key) + "\": "),
                                        tool.arguments, text("}")}));
    }
    return builder_.shared("call", builder_.choice(std::move(ways)));
  }

  Expr named(std::string_view before, std::string_view between, std::string_view after) {
    std::vector<Expr> ways;
    for (const Tool& tool : tools_) {
      ways.push_back(builder_.sequence(
          {text(before), text(tool.name), mark(between), tool.arguments, text(after)}));
    }
    return builder_.shared("call", builder_.choice(std::move(ways)));
  }

  Expr mark(std::string_view mark) {
    return mark.empty() ? builder_.empty() : marks_.part(std::string(mark));
  }

  uint32_t most() const { return options_.is_parallel ? kMostCalls : 1; }

  // One after the other, `between` them.
  Expr several(Expr call, Expr between) {
    ListParts list;
    list.more = builder_.shared("one call", call);
    list.separator = between;
    list.min = 1;
    list.max = most();
    return builder_.list(std::move(list));
  }

  // What is between `begin` and `end`.
  Expr inside(const CallMarks& marks) {
    if (syntax_ != Syntax::kJson && marks == format_.calls[0]) return inside_native();
    if (marks.begin == "[TOOL_CALLS]") {
      const bool has_names = format_.takes_names;
      if (has_names) return named("", "[ARGS]", "");
      return builder_.sequence({text("["), several(objects("arguments"), text(", ")), text("]")});
    }
    if (marks.name_ends.empty()) {
      if (marks.begin == "<|python_tag|>") return objects("parameters");
      if (marks.begin == "<tool_calls>" || marks.begin == "<|tool_call|>" ||
          marks.begin == "<|START_ACTION|>") {
        return builder_.sequence({text("["), several(objects("arguments"), text(", ")), text("]")});
      }
      return builder_.sequence({line_or_none(), objects("arguments"), line_or_none()});
    }
    const std::string& name_end = marks.name_ends[0];
    const bool is_kimi = marks.begin == "<|tool_call_begin|>";
    return named(is_kimi ? "functions." : "", name_end, "");
  }

  bool holds_several(const CallMarks& marks) const {
    return syntax_ == Syntax::kPython || syntax_ == Syntax::kInvoke || syntax_ == Syntax::kDsml ||
           (marks.begin == "[TOOL_CALLS]" && !format_.takes_names) ||
           marks.begin == "<tool_calls>" || marks.begin == "<|tool_call|>" ||
           marks.begin == "<|START_ACTION|>";
  }

  Expr after_begin(const CallMarks& marks) {
    return builder_.sequence({inside(marks), mark(marks.end)});
  }

  Expr forced_calls() {
    if (format_.style == AnswerStyle::kHarmony) return harmony_calls();
    if (format_.style == AnswerStyle::kFunctionary)
      return several(named("", "\n", ""), text(">>>"));
    if (format_.calls.empty()) return objects("arguments");
    // Llama 3 writes the object alone.
    if (format_.calls[0].begin == "<|python_tag|>") return objects("parameters");
    const CallMarks& marks = format_.calls[0];
    const Expr call = builder_.sequence({mark(marks.begin), after_begin(marks)});
    // Models write a line's end before they decide whether another call comes.
    const Expr line = line_or_none();
    const Expr all = holds_several(marks)   ? call
                     : options_.is_parallel ? builder_.sequence({several(call, line), line})
                                            : call;
    if (format_.dropped.size() < 2) return all;
    return builder_.sequence({mark(format_.dropped[0]), all, mark(format_.dropped[1])});
  }

  Expr harmony_calls() {
    std::vector<Expr> ways;
    for (const Tool& tool : tools_) {
      ways.push_back(builder_.sequence({text("commentary to=functions." + tool.name + " "),
                                        mark("<|constrain|>"), text("json"), mark("<|message|>"),
                                        tool.arguments}));
    }
    return builder_.choice(std::move(ways));
  }

  // Thinking in its channel, then the channel of the call.
  Expr harmony(Expr calls) {
    const Expr call = builder_.sequence({mark("<|channel|>"), calls});
    if (!options_.may_think) return call;
    const Expr next = builder_.sequence({mark("<|start|>"), text("assistant"), call});
    const Expr thought = builder_.until({marks_.trigger("<|end|>", next)}, false);
    const Expr thinking =
        builder_.sequence({mark("<|channel|>"), text("analysis"), mark("<|message|>"), thought});
    return builder_.choice({thinking, call});
  }

  // Text up to a call's begin, the call, text again.
  Result<Expr> free_answer() {
    if (format_.style == AnswerStyle::kFunctionary || format_.calls.empty()) {
      if (format_.style != AnswerStyle::kHarmony)
        return unsupported("the model's template has no marks for tool calls in free text");
    }
    const RuleId rest = builder_.declare("the rest of the answer");
    std::vector<Trigger> triggers;
    if (format_.style == AnswerStyle::kHarmony) {
      for (const Tool& tool : tools_) {
        const Expr then = builder_.sequence(
            {builder_.until({marks_.trigger("<|message|>", tool.arguments)}, false)});
        triggers.push_back({"to=functions." + tool.name, false, then});
      }
    }
    for (const CallMarks& marks : format_.calls) {
      const Expr then = options_.is_parallel
                            ? builder_.sequence({after_begin(marks), builder_.call(rest)})
                            : after_begin(marks);
      triggers.push_back(marks_.trigger(marks.begin, then));
    }
    builder_.define(rest, builder_.until(std::move(triggers), true));
    return builder_.call(rest);
  }

  const text::AnswerFormat& format_;
  const ToolGrammarOptions& options_;
  GrammarBuilder builder_;
  JsonParts json_;
  Marks marks_;
  const text::Tokenizer& tokenizer_;
  Syntax syntax_;
  JsonParts values_, texts_;  // as arguments are written
  std::vector<Tool> tools_;
};

}  // namespace

Expr after_reasoning(GrammarBuilder& builder, const text::AnswerFormat& format,
                     const text::Tokenizer& tokenizer, Expr body, bool in_reasoning,
                     bool may_think) {
  const Marks marks(builder, tokenizer);
  if (format.style == AnswerStyle::kHarmony) {
    const Expr final_channel = builder.sequence(
        {marks.part("<|channel|>"), builder.literal("final"), marks.part("<|message|>"), body});
    if (!may_think) return final_channel;
    const Expr next =
        builder.sequence({marks.part("<|start|>"), builder.literal("assistant"), final_channel});
    const Expr thinking = builder.sequence(
        {marks.part("<|channel|>"), builder.literal("analysis"), marks.part("<|message|>"),
         builder.until({marks.trigger("<|end|>", next)}, false)});
    return builder.choice({thinking, final_channel});
  }
  if (format.think_begin.empty()) return body;
  const Expr line = builder.literal("\n");
  const Expr then = builder.sequence({builder.repeat(line, 0, 2), body});
  const Expr thinking = builder.until({marks.trigger(format.think_end, then)}, false);
  if (in_reasoning) return thinking;
  if (!may_think) return body;
  return builder.choice({builder.sequence({marks.part(format.think_begin), thinking}), body});
}

Result<std::shared_ptr<const Grammar>> tool_grammar(const text::AnswerFormat& format,
                                                    const text::Tokenizer& tokenizer,
                                                    const nlohmann::ordered_json& tools,
                                                    const ToolGrammarOptions& options) {
  return ToolGrammar(format, tokenizer, options).run(tools);
}

}  // namespace hearth::sample

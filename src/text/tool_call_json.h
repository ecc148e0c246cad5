// SPDX-License-Identifier: MIT
// Tool calls in JSON and in tags, read as they come. Inner part of AnswerParser.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/answer_format.h"

namespace hearth::text {

// JSON without the white space between its parts, to compare what was written in pieces.
class PlainJson {
 public:
  void push(std::string_view text);
  void clear() { *this = {}; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool in_string_ = false, is_escaped_ = false;
};

enum class Reading { kMore, kDone, kBad };

// Where a JSON value ends. Brackets and strings count; what is wrong inside of them does not.
class JsonSpan {
 public:
  // kDone: complete; `is_used` says whether `c` still belongs to it.
  Reading push(char c, bool& is_used);

 private:
  std::vector<char> open_;
  bool in_string_ = false, is_escaped_ = false, is_scalar_ = false;
};

// {"name":…,"arguments":{…}}, members in any order, "parameters" for "arguments", also inside of
// {"type":"function","function":{…}}.
class JsonCall {
 public:
  // Takes from `text` what belongs to the call. kBad: it is no call.
  Reading push(std::string_view text, size_t& used);

  bool is_named() const { return is_named_; }
  // Named, and there are arguments: from here on they are given out as they come.
  bool is_begun() const { return is_named_ && has_arguments_; }
  const std::string& name() const { return name_; }
  std::string take_arguments();

 private:
  enum class Want { kObject, kKey, kColon, kValue, kComma };
  Reading push_char(char c, bool& is_used);
  Reading end_value();
  Reading close();

  Want want_ = Want::kObject;
  int depth_ = 0;  // of wrappers
  std::string key_, value_, name_, arguments_;
  JsonSpan span_;
  bool in_key_ = false, in_value_ = false, is_named_ = false, has_arguments_ = false;
};

// Which arguments of a tool are texts, whatever they look like.
struct TextArguments {
  std::string tool;
  std::vector<std::string> names;
};

struct WholeCall {
  std::string name, arguments;
  bool operator==(const WholeCall&) const = default;
};
// <function=NAME><parameter=KEY>VALUE</parameter>…</function>, one or several, or
// NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value>… Values that are JSON but no text stay
// what they are. Empty: neither of them. `own`: the model's; unless
// it is kInlineFunctions, one line's end before and behind a value in <parameter=KEY> is not part
// of it. Of tools in `known`, the arguments that are named are texts, and the others JSON, or
// Python's lists, objects, True, False and None, as some templates write them, wherever they can be
// read as such.
std::vector<WholeCall> read_tagged_calls(std::string_view body, CallTags own,
                                         std::span<const TextArguments> known = {});
// Where `mark` ends calls that are written with LooseReader's values: outside of their texts.
// npos: not yet.
size_t find_end_of_calls(std::string_view body, std::string_view mark);

std::string_view trimmed(std::string_view text);

}  // namespace hearth::text

// SPDX-License-Identifier: MIT
// Values as some models write them instead of JSON: Python's literals (LFM2), and Gemma 4's objects
// with bare keys and texts between <|"|> marks. Inner part of the readers of tool calls.
// In: text from a model. Out: JSON, or nothing where it is no such value or nests too deeply.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace hearth::text {

class LooseReader {
 public:
  explicit LooseReader(std::string_view text) : text_(text) {}

  // A number, true, None, 'text', "text", <|"|>text<|"|>, [list], (list), {key: value}.
  std::optional<nlohmann::ordered_json> value() { return value(0); }
  // A bare word: letters, digits, '_', '.', '-'. Empty: there is none.
  std::string_view word();
  // Skips white space; true, and past it, where `mark` comes.
  bool take(std::string_view mark);
  bool at_end();

 private:
  std::optional<nlohmann::ordered_json> value(int depth);
  std::optional<nlohmann::ordered_json> list(std::string_view end, int depth);
  std::optional<nlohmann::ordered_json> object(int depth);
  std::optional<std::string> quoted(char quote);
  std::optional<std::string> marked();
  uint32_t whole_code(uint32_t high);
  std::optional<nlohmann::ordered_json> scalar();
  void skip_spaces();

  std::string_view text_;
};

}  // namespace hearth::text

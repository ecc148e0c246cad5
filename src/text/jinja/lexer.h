// SPDX-License-Identifier: MIT
// Template text to tokens, with the whitespace rules that Hugging Face sets (trim_blocks and
// lstrip_blocks on, one trailing newline dropped, newlines made \n). In: UTF-8 text. Out: tokens
// with their lines. Source: the behaviour of jinja2 3.1's lexer.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text::jinja {

enum class TokenKind : unsigned char {
  kData,
  kPrintBegin,
  kPrintEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 1;
  std::string text;  // strings unescaped, numbers without underscores

  bool is(TokenKind k) const { return kind == k; }
  bool is_op(std::string_view op) const { return kind == TokenKind::kOperator && text == op; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// Ends with a kEnd token. Errors name the line.
Result<std::vector<Token>> tokenize(std::string_view source);

// What an error message calls a token.
std::string describe(const Token& token);

}  // namespace hearth::text::jinja

// SPDX-License-Identifier: MIT
#include "text/jinja/lexer.h"

#include <algorithm>
#include <optional>

#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

// Longest first, so that the first match is the right one.
constexpr std::string_view kOperators[] = {"**", "//", "==", "!=", ">=", "<=", "+", "-", "/",
                                           "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                           ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) TRY(root());
    emit(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  // -- small helpers
  bool looking_at(std::string_view text, size_t at) const {
    return source_.substr(at, text.size()) == text;
  }
  size_t after_spaces(size_t at) const {
    while (at < source_.size()) {
      size_t next = at;
      if (!is_space(decode_char(source_, next))) break;
      at = next;
    }
    return at;
  }
  void emit(TokenKind kind, std::string_view text) {
    tokens_.push_back({kind, line_, std::string(text)});
  }
  void move_to(size_t end) {
    const std::string_view passed = source_.substr(at_, end - at_);
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
    at_ = end;
  }
  // Passes the end of a tag, with the whitespace that goes with it.
  void finish_tag(size_t end) {
    move_to(end);
    line_starting_ = end > 0 && source_[end - 1] == '\n';
  }
  Failure fail_here(std::string_view reason) const { return invalid("line {}: {}", line_, reason); }

  // The end of a block-like tag at `at` (close is "%}" or "#}"): where it ends.
  std::optional<size_t> block_end(std::string_view close, size_t at) const {
    if (at < source_.size() && source_[at] == '+' && looking_at(close, at + 1))
      return at + 1 + close.size();
    if (at < source_.size() && source_[at] == '-' && looking_at(close, at + 1))
      return after_spaces(at + 1 + close.size());
    if (!looking_at(close, at)) return std::nullopt;
    at += close.size();
    return at < source_.size() && source_[at] == '\n' ? at + 1 : at;
  }
  std::optional<size_t> print_end(size_t at) const {
    if (looking_at("-}}", at)) return after_spaces(at + 3);
    if (looking_at("}}", at)) return at + 2;
    return std::nullopt;
  }

  // The text before a tag, without the whitespace that the tag takes away.
  void emit_data(std::string_view text, char sign, bool is_print) {
    if (sign == '-') {
      text = strip_right(text);
    } else if (sign != '+' && !is_print) {
      const size_t newline = text.rfind('\n');
      const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      if ((start > 0 || line_starting_) && strip(text.substr(start)).empty())
        text = text.substr(0, start);
    }
    if (!text.empty()) emit(TokenKind::kData, text);
  }
  char sign_at(size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : 0;
  }

  // "{%- raw %}" at `at`: where its text begins.
  std::optional<size_t> raw_begin(size_t at) const {
    if (!looking_at("{%", at)) return std::nullopt;
    at += 2;
    if (sign_at(at)) ++at;
    at = after_spaces(at);
    if (!looking_at("raw", at)) return std::nullopt;
    at = after_spaces(at + 3);
    if (looking_at("-%}", at)) return after_spaces(at + 3);
    if (looking_at("%}", at)) return at + 2;
    return std::nullopt;
  }
  std::optional<size_t> raw_end(size_t at) const {
    at += 2;
    if (sign_at(at)) ++at;
    at = after_spaces(at);
    if (!looking_at("endraw", at)) return std::nullopt;
    return block_end("%}", after_spaces(at + 6));
  }

  Status root() {
    size_t open = at_;
    for (;; ++open) {
      open = source_.find('{', open);
      if (open == std::string_view::npos || open + 1 >= source_.size()) {
        emit(TokenKind::kData, source_.substr(at_));
        move_to(source_.size());
        return {};
      }
      const char second = source_[open + 1];
      if (second == '{' || second == '%' || second == '#') break;
    }
    const char second = source_[open + 1];
    const char sign = sign_at(open + 2);
    emit_data(source_.substr(at_, open - at_), sign, second == '{');
    if (const auto begin = raw_begin(open)) {
      finish_tag(*begin);
      return raw();
    }
    move_to(open + 2 + (sign ? 1 : 0));
    line_starting_ = false;
    if (second == '#') return comment();
    return tag(second == '{');
  }

  Status comment() {
    const size_t close = source_.find("#}", at_);
    if (close == std::string_view::npos) return fail_here("a comment is not closed by #}");
    const size_t start = close > at_ && sign_at(close - 1) ? close - 1 : close;
    finish_tag(*block_end("#}", start));
    return {};
  }

  Status raw() {
    for (size_t open = source_.find("{%", at_); open != std::string_view::npos;
         open = source_.find("{%", open + 1)) {
      const auto end = raw_end(open);
      if (!end) continue;
      emit_data(source_.substr(at_, open - at_), sign_at(open + 2), false);
      finish_tag(*end);
      return {};
    }
    return fail_here("raw is not closed by endraw");
  }

  Status tag(bool is_print) {
    emit(is_print ? TokenKind::kPrintBegin : TokenKind::kBlockBegin, "");
    brackets_.clear();
    while (at_ < source_.size()) {
      if (brackets_.empty()) {
        const auto end = is_print ? print_end(at_) : block_end("%}", at_);
        if (end) {
          emit(is_print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd, "");
          finish_tag(*end);
          return {};
        }
      }
      TRY(token());
    }
    return {};
  }

  Status token() {
    if (const size_t next = after_spaces(at_); next > at_) return move_to(next), Status();
    const char c = source_[at_];
    if (is_digit(c)) return number();
    if (c == '"' || c == '\'') return string(c);
    size_t end = at_;
    while (end < source_.size()) {
      size_t next = end;
      const char32_t letter = decode_char(source_, next);
      if (letter != '_' && !is_alnum(letter)) break;
      end = next;
    }
    if (end > at_) {
      emit(TokenKind::kName, source_.substr(at_, end - at_));
      move_to(end);
      return {};
    }
    return op();
  }

  Status op() {
    for (const std::string_view candidate : kOperators) {
      if (!looking_at(candidate, at_)) continue;
      TRY(balance(candidate[0]));
      emit(TokenKind::kOperator, candidate);
      move_to(at_ + candidate.size());
      return {};
    }
    size_t end = at_;
    decode_char(source_, end);
    return invalid("line {}: unexpected character '{}'", line_, source_.substr(at_, end - at_));
  }

  Status balance(char c) {
    if (c == '(') brackets_ += ')';
    if (c == '[') brackets_ += ']';
    if (c == '{') brackets_ += '}';
    if (c != ')' && c != ']' && c != '}') return {};
    if (brackets_.empty()) return invalid("line {}: unexpected '{}'", line_, c);
    if (brackets_.back() != c)
      return invalid("line {}: unexpected '{}', expected '{}'", line_, c, brackets_.back());
    brackets_.pop_back();
    return {};
  }

  // Digits with single underscores between them, from `at`; `at` itself where there are none.
  template <class IsDigit>
  size_t digits(size_t at, IsDigit matches) const {
    size_t end = at;
    while (end < source_.size()) {
      const size_t next = end > at && source_[end] == '_' ? end + 1 : end;
      if (next >= source_.size() || !matches(source_[next])) break;
      end = next + 1;
    }
    return end;
  }

  std::optional<size_t> float_end() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return std::nullopt;
    size_t end = digits(at_, is_digit);
    bool is_float = false;
    if (end < source_.size() && source_[end] == '.') {
      const size_t fraction = digits(end + 1, is_digit);
      if (fraction > end + 1) {
        end = fraction;
        is_float = true;
      }
    }
    if (end < source_.size() && (source_[end] | 0x20) == 'e') {
      const size_t start = end + 1 + (sign_at(end + 1) ? 1 : 0);
      const size_t exponent = digits(start, is_digit);
      if (exponent > start) return exponent;
    }
    return is_float ? std::optional(end) : std::nullopt;
  }

  size_t integer_end() const {
    if (source_[at_] != '0') return digits(at_, is_digit);
    const char base = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : 0;
    const size_t start = at_ + 2;
    const auto based = [&](auto matches) {
      // an underscore may also follow the prefix
      const size_t skip = start < source_.size() && source_[start] == '_' ? 1 : 0;
      const size_t end = digits(start + skip, matches);
      return end > start + skip ? end : at_ + 1;
    };
    if (base == 'x') return based(is_hex);
    if (base == 'o') return based([](char c) { return c >= '0' && c <= '7'; });
    if (base == 'b') return based([](char c) { return c == '0' || c == '1'; });
    return digits(at_, [](char c) { return c == '0'; });
  }

  Status number() {
    const auto real = float_end();
    const size_t end = real ? *real : integer_end();
    std::string text(source_.substr(at_, end - at_));
    std::erase(text, '_');
    emit(real ? TokenKind::kFloat : TokenKind::kInteger, text);
    move_to(end);
    return {};
  }

  Status string(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return fail_here("a string is not closed");
    TRY_LET(const std::string text, unescaped(source_.substr(at_ + 1, end - at_ - 1)));
    emit(TokenKind::kString, text);
    move_to(end + 1);
    return {};
  }

  Result<std::string> unescaped(std::string_view raw) const {
    std::string out;
    out.reserve(raw.size());
    for (size_t i = 0; i < raw.size();) {
      if (raw[i] != '\\') {
        out += raw[i++];
        continue;
      }
      TRY(escape(raw, ++i, out));
    }
    return out;
  }

  // `i` stands after the backslash.
  Status escape(std::string_view raw, size_t& i, std::string& out) const {
    constexpr std::string_view kFrom = "abfnrtv\\'\"";
    constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\'\"";
    const char c = raw[i++];
    if (const size_t simple = kFrom.find(c); simple != std::string_view::npos) {
      out += kTo[simple];
      return {};
    }
    if (c == '\n') return {};
    if (c >= '0' && c <= '7') {
      char32_t value = c - '0';
      for (int n = 1; n < 3 && i < raw.size() && raw[i] >= '0' && raw[i] <= '7'; ++n)
        value = value * 8 + (raw[i++] - '0');
      append_char(out, value);
      return {};
    }
    if (c == 'N') return fail_here("\\N{...} is not supported, use \\u");
    const size_t n_digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (n_digits == 0) {
      out += '\\';
      out += c;
      return {};
    }
    char32_t value = 0;
    for (size_t n = 0; n < n_digits; ++n, ++i) {
      if (i >= raw.size() || !is_hex(raw[i])) return fail_here("a \\ escape is cut short");
      value = value * 16 + (is_digit(raw[i]) ? raw[i] - '0' : (raw[i] | 0x20) - 'a' + 10);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      return fail_here("a \\ escape names no character");
    append_char(out, value);
    return {};
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string brackets_;  // the closing ones that are waited for
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) {
  const std::string text = normalized(source);
  return Lexer(text).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template text";
    case TokenKind::kPrintBegin:
      return "'{{'";
    case TokenKind::kPrintEnd:
      return "'}}'";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "'%}'";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return fmt::format("'{}'", token.text);
  }
}

}  // namespace hearth::text::jinja

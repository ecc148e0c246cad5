// SPDX-License-Identifier: MIT
#include "sample/grammar/gbnf.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "text/unicode.h"

namespace hearth::sample {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class GbnfParser {
 public:
  GbnfParser(GrammarBuilder& builder, std::string_view text) : builder_(builder), text_(text) {}

  Result<Expr> run() {
    if (text_.size() > kMaxGrammarBytes)
      return over_limit("the grammar has {} bytes, the bound is {}", text_.size(),
                        kMaxGrammarBytes);
    skip_space(true);
    while (!at_end()) TRY(read_rule());
    for (const auto& [name, rule] : names_) {
      if (!builder_.is_defined(rule.id))
        return error_at(rule.place, fmt::format("the rule {} is not defined", quote(name)));
    }
    const auto root = names_.find("root");
    if (root == names_.end()) return invalid("the grammar has no rule 'root'");
    return builder_.call(root->second.id);
  }

 private:
  // A bracket that is open, or a rule: the choices so far, and the sequence at hand.
  struct Open {
    size_t place = 0;
    std::vector<Expr> choices, sequence;
  };
  struct Named {
    RuleId id = 0;
    size_t place = 0;  // of its first mention
  };

  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Failure error_at(size_t place, std::string_view what) const {
    const std::string_view before = text_.substr(0, std::min(place, text_.size()));
    const size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    const size_t line_start = before.rfind('\n');
    const size_t column = before.size() - (line_start == before.npos ? 0 : line_start + 1) + 1;
    return invalid("line {}, column {}: {}", line, column, what);
  }
  Failure error(std::string_view what) const { return error_at(at_, what); }

  void skip_space(bool with_lines) {
    for (; !at_end(); ++at_) {
      const char c = peek();
      if (c == '#') {
        while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
      } else if (c != ' ' && c != '\t' && !(with_lines && (c == '\n' || c == '\r'))) {
        return;
      }
    }
  }

  RuleId named(std::string_view name) {
    const auto [place, is_new] = names_.try_emplace(std::string(name));
    if (is_new) place->second = {builder_.declare(std::string(name)), at_};
    return place->second.id;
  }

  std::string_view read_name() {
    const size_t start = at_;
    while (is_name_char(peek())) ++at_;
    return text_.substr(start, at_ - start);
  }

  Status read_rule() {
    const size_t place = at_;
    const std::string_view name = read_name();
    if (name.empty()) return error("a rule's name is expected");
    skip_space(false);
    if (text_.substr(at_, 3) != "::=") return error("'::=' is expected after a rule's name");
    at_ += 3;
    const RuleId rule = named(name);
    if (builder_.is_defined(rule))
      return error_at(place, fmt::format("the rule {} is defined twice", quote(name)));
    TRY_LET(const Expr body, read_choices());
    builder_.define(rule, body);
    skip_space(true);
    return {};
  }

  // Up to the end of the rule: a line that ends outside of brackets with no `|` before or after.
  Result<Expr> read_choices() {
    std::vector<Open> open(1);
    open[0].place = at_;
    skip_space(true);
    for (;;) {
      skip_space(open.size() > 1);
      const char c = peek();
      if (at_end() || c == '\n' || c == '\r') {
        if (open.size() > 1) return error_at(open.back().place, "'(' is never closed");
        skip_space(true);
        if (peek() == '|') continue;
        return closed(open.back());
      }
      if (c == '(') {
        if (open.size() >= static_cast<size_t>(kMaxGrammarDepth))
          return error(fmt::format("brackets are nested more than {} deep", kMaxGrammarDepth));
        open.push_back({at_++, {}, {}});
        continue;
      }
      if (c == '|') {
        ++at_;
        open.back().choices.push_back(builder_.sequence(std::move(open.back().sequence)));
        open.back().sequence.clear();
        skip_space(true);
        continue;
      }
      Expr item;
      if (c == ')') {
        if (open.size() == 1) return error("')' closes nothing");
        ++at_;
        item = closed(open.back());
        open.pop_back();
      } else {
        TRY_LET(item, read_item());
      }
      TRY_LET(item, read_repetitions(item));
      open.back().sequence.push_back(item);
    }
  }

  Expr closed(Open& group) {
    group.choices.push_back(builder_.sequence(std::move(group.sequence)));
    return builder_.choice(std::move(group.choices));
  }

  Result<Expr> read_item() {
    const char c = peek();
    if (c == '"') return read_literal();
    if (c == '[') return read_class();
    if (c == '<') return read_special();
    if (c == '.') {
      ++at_;
      return builder_.chars(CharSet::all());
    }
    if (is_name_char(c)) {
      const size_t place = at_;
      const std::string_view name = read_name();
      const size_t after = std::exchange(at_, place);
      const RuleId rule = named(name);
      at_ = after;
      return builder_.call(rule);
    }
    return error(fmt::format("{} is not expected here", quote(text_.substr(at_, 1))));
  }

  Result<Expr> read_literal() {
    const size_t place = at_++;
    std::string bytes;
    while (peek() != '"') {
      if (at_end() || peek() == '\n') return error_at(place, "the literal is never closed");
      TRY_LET(const uint32_t code, read_char());
      text::append_utf8(code, bytes);
    }
    ++at_;
    return builder_.literal(bytes);
  }

  Result<Expr> read_class() {
    const size_t place = at_++;
    const bool is_negated = peek() == '^';
    if (is_negated) ++at_;
    CharSet set;
    while (peek() != ']') {
      if (at_end() || peek() == '\n') return error_at(place, "the class is never closed");
      TRY_LET(const uint32_t first, read_char());
      uint32_t last = first;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        TRY_LET(last, read_char());
        if (last < first) return error("a range goes from the lower to the higher character");
      }
      set.add(first, last);
    }
    ++at_;
    return builder_.chars(is_negated ? set.complement() : set);
  }

  Result<Expr> read_special() {
    const size_t place = at_++;
    const size_t end = text_.find_first_of(">\n", at_);
    if (end == text_.npos || text_[end] != '>' || end == at_)
      return error_at(place, "a special token is written as <its text>");
    const std::string_view inside = text_.substr(at_, end - at_);
    if (inside.front() == '[')
      return error_at(place, "special tokens are named by their text, not by a number");
    at_ = end + 1;
    return builder_.special(fmt::format("<{}>", inside));
  }

  // One character of a literal or class, maybe escaped.
  Result<uint32_t> read_char() {
    if (peek() != '\\') {
      const text::StrictLength length = text::strict_utf8_length(text_, at_);
      if (!length.valid) return error("the text is not UTF-8");
      const uint32_t code = text::decode_utf8(text_, at_).code;
      at_ += length.bytes;
      return code;
    }
    const char kind = peek(1);
    at_ += 2;
    switch (kind) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<uint32_t>(kind);
      case 'x':
        return read_hex(2);
      case 'u':
        return read_hex(4);
      case 'U':
        return read_hex(8);
      default:
        at_ -= 2;
        return error(
            "an escape is one of \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xNN \\uNNNN "
            "\\UNNNNNNNN");
    }
  }

  Result<uint32_t> read_hex(int n_digits) {
    uint32_t code = 0;
    for (int i = 0; i < n_digits; ++i, ++at_) {
      const int value = hex_value(peek());
      if (value < 0) return error(fmt::format("{} hexadecimal digits are expected", n_digits));
      code = code << 4 | static_cast<uint32_t>(value);
    }
    if (code > kLastCodePoint || (code >= 0xD800 && code <= 0xDFFF))
      return error("there is no such character");
    return code;
  }

  Result<Expr> read_repetitions(Expr item) {
    for (int n = 0;; ++n) {
      const char c = peek();
      if (c != '*' && c != '+' && c != '?' && c != '{') return item;
      if (n == kMaxGrammarDepth)
        return error(fmt::format("more than {} repetitions of one thing", kMaxGrammarDepth));
      if (c == '{') {
        TRY_LET(item, read_counts(item));
        continue;
      }
      ++at_;
      item = builder_.repeat(item, c == '+' ? 1 : 0, c == '?' ? 1 : kUnbounded);
    }
  }

  Result<Expr> read_counts(Expr item) {
    const size_t place = at_++;
    skip_space(false);
    const size_t digits = at_;
    TRY_LET(const uint32_t min, read_count());
    const bool has_min = at_ > digits;
    uint32_t max = min;
    skip_space(false);
    bool has_max = false;
    const bool is_range = peek() == ',';
    if (is_range) {
      ++at_;
      skip_space(false);
      const size_t more = at_;
      TRY_LET(max, read_count());
      has_max = at_ > more;
      if (!has_max) max = kUnbounded;
      skip_space(false);
    }
    if (peek() != '}' || (!has_min && !has_max))
      return error_at(place, "a repetition is {m}, {m,}, {m,n} or {,n}");
    ++at_;
    if (max < min) return error_at(place, "a repetition goes from the lower to the higher number");
    return builder_.repeat(item, min, max);
  }

  Result<uint32_t> read_count() {
    uint32_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + static_cast<uint32_t>(peek() - '0');
      if (value > kMaxRepeats)
        return error(fmt::format("a repetition of more than {} times", kMaxRepeats));
    }
    return value;
  }

  GrammarBuilder& builder_;
  std::string_view text_;
  size_t at_ = 0;
  std::map<std::string, Named, std::less<>> names_;
};

}  // namespace

Result<Expr> add_gbnf(GrammarBuilder& builder, std::string_view text) {
  return within("grammar", GbnfParser(builder, text).run());
}

Result<std::shared_ptr<const Grammar>> parse_gbnf(std::string_view text) {
  GrammarBuilder builder;
  TRY_LET(const Expr root, add_gbnf(builder, text));
  return within("grammar", builder.finish(root));
}

}  // namespace hearth::sample

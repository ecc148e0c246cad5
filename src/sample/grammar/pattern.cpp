// SPDX-License-Identifier: MIT
#include "sample/grammar/pattern.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "base/quote.h"
#include "text/unicode.h"

namespace hearth::sample {
namespace {

constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();

uint64_t plus(uint64_t a, uint64_t b) {
  if (a == kAny || b == kAny) return kAny;
  return checked_add<uint64_t>(a, b).value_or(kAny);
}

uint64_t times(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return 0;
  if (a == kAny || b == kAny) return kAny;
  return checked_mul<uint64_t>(a, b).value_or(kAny);
}

CharSet digits() { return CharSet({{'0', '9'}}); }
CharSet word_chars() { return CharSet({{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}}); }
CharSet spaces() {
  return CharSet({{0x09, 0x0D},
                  {' ', ' '},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000},
                  {0xFEFF, 0xFEFF}});
}
CharSet line_ends() { return CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}); }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class PatternParser {
 public:
  PatternParser(JsonParts& json, std::string_view text) : json_(json), text_(text) {}

  Result<Pattern> run() {
    if (text_.size() > kMaxGrammarBytes)
      return over_limit("the pattern has {} bytes, the bound is {}", text_.size(),
                        kMaxGrammarBytes);
    open_.emplace_back();
    for (;;) {
      if (at_end()) {
        if (open_.size() > 1) return error_at(open_.back().place, "'(' is never closed");
        TRY(end_choice());
        return choice_of(open_.back());
      }
      TRY(read_next());
    }
  }

 private:
  struct Open {
    size_t place = 0;
    std::vector<Pattern> choices, sequence;
    bool from_start = false, to_end = false;  // ^ and $ of the choice at hand
  };

  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  Failure error_at(size_t place, std::string_view what) const {
    return invalid("at character {} of the pattern: {}", place + 1, what);
  }
  Failure error(std::string_view what) const { return error_at(at_, what); }
  GrammarBuilder& builder() { return json_.builder(); }

  Status read_next() {
    Open& group = open_.back();
    const char c = peek();
    if (c == '|') {
      TRY(end_choice());
      ++at_;
      return {};
    }
    if (c == '^' || c == '$') return read_anchor(c);
    if (group.to_end) return error("'$' with something after it matches nothing");
    if (c == '(') return open_group();
    if (c == ')') {
      if (open_.size() == 1) return error("')' closes nothing");
      TRY(end_choice());
      Pattern inside = choice_of(open_.back());
      open_.pop_back();
      ++at_;
      return add_repeated(inside);
    }
    TRY_LET(const CharSet set, read_one());
    return add_repeated({json_.chars(set), 1, 1});
  }

  Status read_anchor(char c) {
    Open& group = open_.back();
    if (open_.size() > 1) return error("an anchor inside of a group");
    if (c == '^') {
      if (!group.sequence.empty()) return error("'^' after something matches nothing");
      group.from_start = true;
    } else {
      group.to_end = true;
    }
    ++at_;
    return {};
  }

  // The sequence at hand; outside of groups any text may be where no anchor is.
  Status end_choice() {
    Open& group = open_.back();
    std::vector<Expr> parts;
    Pattern whole;
    const bool is_outside = open_.size() == 1;
    const Expr anything = builder().repeat(json_.string_char(), 0);
    if (is_outside && !group.from_start) parts.push_back(anything);
    for (const Pattern& part : group.sequence) {
      parts.push_back(part.text);
      whole.min = plus(whole.min, part.min);
      whole.max = plus(whole.max, part.max);
    }
    if (is_outside && !group.to_end) parts.push_back(anything);
    if (is_outside && !(group.from_start && group.to_end)) whole.max = kAny;
    whole.text = builder().sequence(std::move(parts));
    group.choices.push_back(whole);
    group.sequence.clear();
    group.from_start = group.to_end = false;
    return {};
  }

  Pattern choice_of(const Open& group) {
    std::vector<Expr> parts;
    Pattern whole{0, kAny, 0};
    for (const Pattern& choice : group.choices) {
      parts.push_back(choice.text);
      whole.min = std::min(whole.min, choice.min);
      whole.max = std::max(whole.max, choice.max);
    }
    whole.text = builder().choice(std::move(parts));
    return whole;
  }

  Status open_group() {
    if (open_.size() >= static_cast<size_t>(kMaxGrammarDepth))
      return error(fmt::format("groups are nested more than {} deep", kMaxGrammarDepth));
    Open group;
    group.place = at_++;
    if (peek() == '?') {
      const std::string_view kind = text_.substr(at_, 3);
      if (kind.starts_with("?:")) {
        at_ += 2;
      } else if (kind.starts_with("?<") && kind != "?<=" && kind != "?<!") {
        at_ = std::min(text_.find('>', at_), text_.size());
        if (at_end()) return error_at(group.place, "the group's name has no end");
        ++at_;
      } else {
        return error(kind.starts_with("?=") || kind.starts_with("?!") || kind.starts_with("?<")
                         ? "look-around is not regular, a grammar cannot say it"
                         : "this kind of group is not known");
      }
    }
    open_.push_back(std::move(group));
    return {};
  }

  Status add_repeated(Pattern part) {
    if (open_.back().to_end) return error("'$' with something after it matches nothing");
    for (int n = 0;; ++n) {
      uint32_t min = 0;
      uint32_t max = kUnbounded;
      const char c = peek();
      if (c == '*' || c == '+' || c == '?') {
        if (n > 0) return error("nothing to repeat");
        ++at_;
        min = c == '+' ? 1 : 0;
        if (c == '?') max = 1;
      } else if (c == '{' && is_count()) {
        if (n > 0) return error("nothing to repeat");
        TRY(read_count(min, max));
      } else {
        break;
      }
      if (peek() == '?') ++at_;  // as few as possible: the same texts
      part.text = builder().repeat(part.text, min, max);
      part.min = times(part.min, min);
      part.max = times(part.max, max == kUnbounded ? kAny : max);
    }
    open_.back().sequence.push_back(part);
    return {};
  }

  // {m}, {m,} or {m,n}; anything else in braces is plain text.
  bool is_count() const {
    const size_t end = text_.find('}', at_);
    if (end == text_.npos || !is_digit(peek(1))) return false;
    size_t n_commas = 0;
    for (const char c : text_.substr(at_ + 1, end - at_ - 1)) {
      if (c == ',' ? ++n_commas > 1 : !is_digit(c)) return false;
    }
    return true;
  }

  Status read_count(uint32_t& min, uint32_t& max) {
    ++at_;
    TRY_LET(min, read_number());
    max = min;
    if (peek() == ',') {
      ++at_;
      max = kUnbounded;
      if (is_digit(peek())) {
        TRY_LET(max, read_number());
      }
    }
    ++at_;
    if (max < min) return error("a repetition goes from the lower to the higher number");
    return {};
  }

  Result<uint32_t> read_number() {
    uint32_t value = 0;
    for (; is_digit(peek()); ++at_) {
      value = value * 10 + static_cast<uint32_t>(peek() - '0');
      if (value > kMaxRepeats)
        return error(fmt::format("a repetition of more than {} times", kMaxRepeats));
    }
    return value;
  }

  // What stands for one character.
  Result<CharSet> read_one() {
    const char c = peek();
    if (c == '[') return read_class();
    if (c == '.') {
      ++at_;
      return line_ends().complement();
    }
    if (c == '*' || c == '+' || c == '?') return error("nothing to repeat");
    if (c == '\\') {
      if (auto set = read_class_escape()) return *set;
    }
    TRY_LET(const uint32_t code, read_char(false));
    return CharSet({{code, code}});
  }

  // \d \D \w \W \s \S
  std::optional<CharSet> read_class_escape() {
    std::optional<CharSet> set;
    switch (peek(1)) {
      case 'd':
      case 'D':
        set = digits();
        break;
      case 'w':
      case 'W':
        set = word_chars();
        break;
      case 's':
      case 'S':
        set = spaces();
        break;
      default:
        return set;
    }
    if (peek(1) < 'a') set = set->complement();
    at_ += 2;
    return set;
  }

  Result<CharSet> read_class() {
    const size_t place = at_++;
    const bool is_negated = peek() == '^';
    if (is_negated) ++at_;
    CharSet set;
    while (peek() != ']') {
      if (at_end()) return error_at(place, "the class is never closed");
      if (peek() == '\\') {
        if (const auto some = read_class_escape()) {
          set.add(*some);
          continue;
        }
      }
      TRY_LET(const uint32_t first, read_char(true));
      uint32_t last = first;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        if (peek() == '\\' && std::string_view("dDwWsS").find(peek(1)) != std::string_view::npos)
          return error("a range ends with a character");
        TRY_LET(last, read_char(true));
        if (last < first) return error("a range goes from the lower to the higher character");
      }
      set.add(first, last);
    }
    ++at_;
    return is_negated ? set.complement() : set;
  }

  Result<uint32_t> read_char(bool in_class) {
    return peek() == '\\' ? read_escape(in_class) : read_plain();
  }

  Result<uint32_t> read_plain() {
    const text::StrictLength length = text::strict_utf8_length(text_, at_);
    if (!length.valid) return error("the pattern is not UTF-8");
    const uint32_t code = text::decode_utf8(text_, at_).code;
    at_ += length.bytes;
    return code;
  }

  Result<uint32_t> read_escape(bool in_class) {
    const size_t place = at_++;
    const char kind = peek();
    constexpr std::string_view kLetters = "nrtfv";
    constexpr std::string_view kCodes = "\n\r\t\f\v";
    if (at_end()) return error_at(place, "'\\' with nothing after it");
    if (const size_t i = kLetters.find(kind); i != kLetters.npos) {
      ++at_;
      return static_cast<uint32_t>(kCodes[i]);
    }
    if (kind == 'b' && in_class) {
      ++at_;
      return 0x08;
    }
    if (kind == '0' && !is_digit(peek(1))) {
      ++at_;
      return 0;
    }
    if (kind == 'x') return read_hex(2);
    if (kind == 'u') return read_unicode();
    if (kind == 'c' && is_letter(peek(1))) {
      at_ += 2;
      return static_cast<uint32_t>(peek_back() & 0x1F);
    }
    if (is_digit(kind) || kind == 'k')
      return error_at(place, "a back-reference is not regular, a grammar cannot say it");
    if (is_letter(kind))
      return error_at(place,
                      fmt::format("the escape {} is not known", quote(text_.substr(place, 2))));
    return read_plain();
  }
  char peek_back() const { return text_[at_ - 1]; }

  Result<uint32_t> read_hex(size_t n_digits) {
    ++at_;
    uint32_t code = 0;
    for (size_t i = 0; i < n_digits; ++i, ++at_) {
      const char c = peek();
      const bool is_hex = is_digit(c) || (is_letter(c) && (c | 0x20) <= 'f');
      if (!is_hex) return error(fmt::format("{} hexadecimal digits are expected", n_digits));
      code = code * 16 + static_cast<uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return code;
  }

  // \uNNNN, two of them as a surrogate pair, \u{N…}
  Result<uint32_t> read_unicode() {
    const size_t place = at_;
    if (peek(1) == '{') {
      const size_t end = text_.find('}', at_);
      if (end == text_.npos || end - at_ > 8 || end == at_ + 2)
        return error("\\u{…} holds one to six hexadecimal digits");
      ++at_;
      TRY_LET(const uint32_t code, read_hex(end - at_ - 1));
      ++at_;
      if (code > kLastCodePoint) return error_at(place, "there is no such character");
      return code;
    }
    TRY_LET(const uint32_t code, read_hex(4));
    if (code < 0xD800 || code > 0xDFFF) return code;
    if (code < 0xDC00 && peek() == '\\' && peek(1) == 'u') {
      ++at_;
      TRY_LET(const uint32_t low, read_hex(4));
      if (low >= 0xDC00 && low <= 0xDFFF) return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return error_at(place, "half of a surrogate pair is no character");
  }

  JsonParts& json_;
  std::string_view text_;
  size_t at_ = 0;
  std::vector<Open> open_;
};

// Dates of the years 1 to 9999, with February as long as it is.
constexpr std::string_view kDate =
    R"((?:(?:\d{3}[1-9]|\d\d[1-9]0|\d[1-9]00|[1-9]000)-)"
    R"((?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01]))"
    R"(|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])))"
    R"(|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29))";
// Without leap seconds, which few readers take.
constexpr std::string_view kTime =
    R"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))";
constexpr std::string_view kDurationTime =
    R"(T(?:\d{1,6}H(?:\d{1,6}M(?:\d{1,6}S)?)?|\d{1,6}M(?:\d{1,6}S)?|\d{1,6}S))";
constexpr std::string_view kDurationDate =
    R"((?:\d{1,6}Y(?:\d{1,6}M(?:\d{1,6}D)?)?|\d{1,6}M(?:\d{1,6}D)?|\d{1,6}D))";
constexpr std::string_view kLabel = R"([A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?)";
constexpr std::string_view kByte = R"((?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))";

std::string ipv6() {
  const std::string g = "[0-9A-Fa-f]{1,4}";
  std::string all = fmt::format("(?:{}:){{7}}{}", g, g);
  for (int before = 0; before <= 6; ++before) {
    const std::string left = before == 0   ? ""
                             : before == 1 ? g
                                           : fmt::format("{}(?::{}){{{}}}", g, g, before - 1);
    const std::string right = before == 6 ? fmt::format("(?:{})?", g)
                                          : fmt::format("(?:{}(?::{}){{0,{}}})?", g, g, 5 - before);
    all += fmt::format("|{}::{}", left, right);
  }
  return fmt::format("(?:{}|(?:{}:){{6}}{}::)", all, g, g);
}

std::string format_pattern(std::string_view format) {
  if (format == "date") return std::string(kDate);
  if (format == "time") return std::string(kTime);
  if (format == "date-time") return fmt::format("{}T{}", kDate, kTime);
  if (format == "duration")
    return fmt::format("P(?:\\d{{1,6}}W|{}(?:{})?|{})", kDurationDate, kDurationTime,
                       kDurationTime);
  if (format == "uuid")
    return "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
  if (format == "ipv4") return fmt::format("{}(?:\\.{}){{3}}", kByte, kByte);
  if (format == "ipv6") return ipv6();
  if (format == "hostname") return fmt::format("{}(?:\\.{}){{0,6}}", kLabel, kLabel);
  if (format == "email")
    return fmt::format(
        "[A-Za-z0-9_+-]{{1,20}}(?:\\.[A-Za-z0-9_+-]{{1,20}}){{0,2}}@{}(?:\\.{}){{1,4}}", kLabel,
        kLabel);
  if (format == "uri")
    return fmt::format(
        "[a-z][a-z0-9+.-]{{0,15}}://{}(?:\\.{}){{0,6}}(?::[1-9]\\d{{0,3}})?"
        "(?:/[A-Za-z0-9_.~-]*)*(?:\\?[A-Za-z0-9_.~=&-]*)?(?:#[A-Za-z0-9_.~-]*)?",
        kLabel, kLabel);
  if (format == "json-pointer") return "(?:/(?:[^/~]|~[01])*)*";
  return {};
}

constexpr std::string_view kOtherFormats[] = {
    "idn-email", "idn-hostname",          "iri",           "iri-reference",
    "regex",     "relative-json-pointer", "uri-reference", "uri-template"};

}  // namespace

Result<Pattern> read_pattern(JsonParts& json, std::string_view pattern) {
  return PatternParser(json, pattern).run();
}

Result<Pattern> read_format(JsonParts& json, std::string_view format) {
  const std::string pattern = format_pattern(format);
  if (!pattern.empty()) return read_pattern(json, "^" + pattern + "$");
  if (std::find(std::begin(kOtherFormats), std::end(kOtherFormats), format) !=
      std::end(kOtherFormats))
    return unsupported("the format {} cannot be said by a grammar", quote(format));
  return not_found("{} is no format of the specification", quote(format));
}

}  // namespace hearth::sample

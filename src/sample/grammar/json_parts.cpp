// SPDX-License-Identifier: MIT
#include "sample/grammar/json_parts.h"

#include <algorithm>

#include "base/quote.h"
#include "sample/grammar/free_text.h"

namespace hearth::sample {

std::string json_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Expr JsonParts::space() {
  if (!space_) {
    const auto indentation = [this](std::string_view with, uint32_t most) {
      return builder_.sequence(
          {builder_.literal("\n"), builder_.repeat(builder_.literal(with), 0, most)});
    };
    space_ = builder_.shared("white space",
                             builder_.choice({builder_.empty(), builder_.literal(" "),
                                              indentation(" ", 40), indentation("\t", 10)}));
  }
  return *space_;
}

Expr JsonParts::hex(int n) {
  const Expr digit = builder_.chars(CharSet({{'0', '9'}, {'a', 'f'}, {'A', 'F'}}));
  return builder_.sequence(std::vector<Expr>(static_cast<size_t>(n), digit));
}

// What a string holds without escapes. Where it is plain, of characters that could begin a mark
// none is left: only free texts are looked at as a whole, see plain_string.
CharSet JsonParts::plain_chars() const {
  if (notation_.plain_text) {
    return CharSet({{0, 8}, {0xB, 0x1F}, {'<', '<'}}).complement();
  }
  const CharSet plain = WordTree::plain_chars();
  return notation_.escapes_tags ? plain.without({{'<', '<'}}) : plain;
}

// Escapes of four digits never spell half of a surrogate pair alone.
Expr JsonParts::escaped_char() {
  const auto set = [this](std::initializer_list<CodeRange> ranges) {
    return builder_.chars(CharSet(ranges));
  };
  const Expr d = set({{'d', 'd'}, {'D', 'D'}});
  const Expr plain = builder_.sequence(
      {set({{'0', '9'}, {'a', 'c'}, {'e', 'f'}, {'A', 'C'}, {'E', 'F'}}), hex(3)});
  const Expr below = builder_.sequence({d, set({{'0', '7'}}), hex(2)});
  const Expr high = builder_.sequence({d, set({{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), hex(2)});
  const Expr low = builder_.sequence({d, set({{'c', 'f'}, {'C', 'F'}}), hex(2)});
  const Expr code =
      builder_.choice({plain, below, builder_.sequence({high, builder_.literal("\\u"), low})});
  CharSet letters;
  for (const char c : std::string_view("\"\\/bfnrt"))
    letters.add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
  return builder_.sequence({builder_.literal("\\"),
                            builder_.choice({builder_.chars(letters),
                                             builder_.sequence({builder_.literal("u"), code})})});
}

Expr JsonParts::string_char() {
  if (char_) return *char_;
  char_ = builder_.chars(plain_chars());
  if (!notation_.plain_text) char_ = builder_.choice({*char_, escaped_char()});
  return *char_;
}

Expr JsonParts::chars(const CharSet& set) {
  const CharSet plain = plain_chars();
  std::vector<Expr> ways{builder_.chars(set.both(plain))};
  if (notation_.plain_text) return ways[0];
  const CharSet escaped = set.without(plain);
  for (const CodeRange& range : escaped.ranges()) {
    for (uint32_t code = range.first; code <= range.last; ++code) {
      const std::string quoted = json_text(std::string(1, static_cast<char>(code)));
      const bool is_tag = code == '<';
      ways.push_back(builder_.literal(
          is_tag ? "\\u003c" : std::string_view(quoted).substr(1, quoted.size() - 2)));
    }
  }
  return builder_.choice(std::move(ways));
}

Expr JsonParts::quoted(Expr inside) {
  if (notation_.plain_text)
    return builder_.sequence({notation_.plain_text->begin, inside, notation_.plain_text->end});
  const Expr mark = builder_.literal("\"");
  return builder_.sequence({mark, inside, mark});
}

Expr JsonParts::string(uint32_t min, uint32_t max) {
  const auto [place, is_new] = strings_.try_emplace({min, max}, 0);
  if (is_new) {
    const Expr inside =
        notation_.plain_text ? plain_string(min, max) : builder_.repeat(string_char(), min, max);
    place->second = builder_.shared("string", quoted(inside));
  }
  return place->second;
}

Expr JsonParts::plain_string(uint32_t min, uint32_t max) {
  CharSet chars = plain_chars();
  if (min != 0 || max != kUnbounded) return builder_.repeat(builder_.chars(chars), min, max);
  chars.add('<', '<');
  return builder_.text_without(notation_.plain_text->marks, chars);
}

Expr JsonParts::text_literal(const std::string& text) {
  if (!notation_.plain_text) {
    std::string written = json_text(Json(text));
    for (size_t at = 0; notation_.escapes_tags && (at = written.find('<', at)) != written.npos;)
      written.replace(at, 1, "\\u003c");
    return builder_.literal(written);
  }
  for (const std::string& mark : notation_.plain_text->marks) {
    if (text.find(mark) == text.npos || !status_) continue;
    status_ = unsupported("the text {} cannot be written in a call of this model: it holds {}",
                          quote(text), quote(mark));
  }
  return quoted(builder_.literal(text));
}

Expr JsonParts::other_key(std::vector<std::string> names) {
  const CharSet chars = WordTree::plain_chars().both(plain_chars());
  return builder_.shared("name", quoted(builder_.word_except(std::move(names), chars)));
}

// Gemma 4 writes bare words as they are.
Expr JsonParts::key(const std::string& name) {
  const bool is_bare = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return notation_.plain_text && is_bare ? builder_.literal(name) : text_literal(name);
}

Expr JsonParts::boolean() {
  return builder_.choice({builder_.literal(notation_.yes), builder_.literal(notation_.no)});
}

Expr JsonParts::integer() {
  if (!integer_) {
    const Expr digit = builder_.chars(CharSet({{'0', '9'}}));
    const Expr first = builder_.chars(CharSet({{'1', '9'}}));
    integer_ = builder_.shared(
        "integer", builder_.choice({builder_.literal("0"),
                                    builder_.sequence({builder_.optional(builder_.literal("-")),
                                                       first, builder_.repeat(digit, 0, 17)})}));
  }
  return *integer_;
}

Expr JsonParts::number() {
  if (!number_) {
    const Expr digit = builder_.chars(CharSet({{'0', '9'}}));
    const Expr first = builder_.chars(CharSet({{'1', '9'}}));
    const Expr sign = builder_.optional(builder_.chars(CharSet({{'+', '+'}, {'-', '-'}})));
    const Expr exponent = builder_.sequence(
        {builder_.chars(CharSet({{'e', 'e'}, {'E', 'E'}})), sign, builder_.repeat(digit, 1, 2)});
    number_ = builder_.shared(
        "number", builder_.sequence(
                      {builder_.optional(builder_.literal("-")),
                       builder_.choice({builder_.literal("0"),
                                        builder_.sequence({first, builder_.repeat(digit, 0, 14)})}),
                       builder_.optional(builder_.sequence(
                           {builder_.literal("."), builder_.repeat(digit, 1, 15)})),
                       builder_.optional(exponent)}));
  }
  return *number_;
}

Expr JsonParts::member(Expr key, Expr value) {
  return builder_.sequence(
      {key, builder_.literal(":"), builder_.optional(builder_.literal(" ")), value});
}

Expr JsonParts::brackets(std::string_view open, ListParts list, std::string_view close) {
  list.separator = builder_.sequence({builder_.literal(","), space()});
  bool can_be_empty = list.min == 0;
  for (size_t i = 0; i < list.parts.size() && can_be_empty; ++i) can_be_empty = list.is_optional[i];
  list.min = std::max(list.min, 1u);
  const bool can_be_full =
      list.max >= list.min && (!list.parts.empty() || list.more != builder_.never());
  std::vector<Expr> ways;
  if (can_be_empty) ways.push_back(builder_.literal(std::string(open) + std::string(close)));
  if (can_be_full) {
    const Expr inside = builder_.list(std::move(list));
    ways.push_back(builder_.sequence(
        {builder_.literal(open), space(), inside, space(), builder_.literal(close)}));
  }
  return builder_.choice(std::move(ways));
}

Expr JsonParts::object(ListParts members) { return brackets("{", std::move(members), "}"); }
Expr JsonParts::array(ListParts items) { return brackets("[", std::move(items), "]"); }

RuleId JsonParts::value_rule() {
  if (!value_) {
    value_ = builder_.declare("value");
    ListParts members, items;
    members.more = member(string(), builder_.call(*value_));
    items.more = builder_.call(*value_);
    object_ = builder_.shared("object", object(std::move(members)));
    array_ = builder_.shared("array", array(std::move(items)));
    builder_.define(*value_,
                    builder_.choice({*object_, *array_, string(), number(), boolean(), null()}));
  }
  return *value_;
}

Expr JsonParts::any_value() { return builder_.call(value_rule()); }

Expr JsonParts::any_object() {
  value_rule();
  return *object_;
}

Expr JsonParts::any_array() {
  value_rule();
  return *array_;
}

Expr JsonParts::literal(const Json& value) {
  if (value.is_null()) return null();
  if (value.is_boolean()) return builder_.literal(value.get<bool>() ? notation_.yes : notation_.no);
  if (value.is_string()) return text_literal(value.get<std::string>());
  if (!value.is_structured() || value.empty()) return builder_.literal(json_text(value));
  ListParts list;
  for (auto it = value.begin(); it != value.end(); ++it) {
    const Expr inside = literal(*it);
    list.parts.push_back(value.is_object() ? member(key(it.key()), inside) : inside);
  }
  list.is_optional.assign(list.parts.size(), false);
  return value.is_object() ? object(std::move(list)) : array(std::move(list));
}

}  // namespace hearth::sample

// SPDX-License-Identifier: MIT
// What a grammar matches by its definition: a tree of parts, tried one way after the other. Slow
// and short; the oracle for src/sample/grammar. Rules may call themselves, though not first.
#pragma once
#include <bit>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"

namespace hearth::sample::oracle {

struct Part {
  enum Kind { kText, kClass, kSequence, kChoice, kRepeat, kCall } kind = kText;
  std::string text;  // kText; kClass: the characters that belong to it
  std::vector<Part> parts;
  int min = 0, max = 0;  // max -1: unbounded
  size_t rule = 0;
};
using Rules = std::vector<Part>;

// For texts below 64 bytes: a set of places in the text is a number, a bit for each place.
class Matcher {
 public:
  Matcher(const Rules& rules, std::string_view text)
      : rules_(rules), text_(text), known_(rules.size() * (text.size() + 1)) {
    CHECK(text.size() < 64);
  }
  bool matches() { return (ends_of_rule(0, 0) >> text_.size() & 1) != 0; }

 private:
  using Places = uint64_t;

  static Places place(size_t at) { return Places{1} << at; }

  Places ends_of_rule(size_t rule, size_t at) {
    const size_t i = rule * (text_.size() + 1) + at;
    if (!known_[i]) {
      known_[i] = 0;  // what the rule finds where it calls itself at the same place
      known_[i] = ends_of(rules_[rule], at);
    }
    return *known_[i];
  }

  Places ends_of(const Part& part, size_t at) {
    switch (part.kind) {
      case Part::kText:
        return text_.substr(at, part.text.size()) == part.text ? place(at + part.text.size()) : 0;
      case Part::kClass:
        return at < text_.size() && part.text.find(text_[at]) != std::string::npos ? place(at + 1)
                                                                                   : 0;
      case Part::kCall:
        return ends_of_rule(part.rule, at);
      case Part::kChoice: {
        Places all = 0;
        for (const Part& one : part.parts) all |= ends_of(one, at);
        return all;
      }
      case Part::kSequence: {
        Places now = place(at);
        for (const Part& next : part.parts) now = step(next, now);
        return now;
      }
      case Part::kRepeat:
        return ends_of_repeat(part, at);
    }
    return 0;
  }

  Places step(const Part& part, Places from) {
    Places next = 0;
    for (; from != 0; from &= from - 1) {
      next |= ends_of(part, static_cast<size_t>(std::countr_zero(from)));
    }
    return next;
  }

  // After as many times as the text has characters, more can only be empty.
  Places ends_of_repeat(const Part& part, size_t at) {
    Places now = place(at);
    for (int i = 0; i < part.min; ++i) now = step(part.parts[0], now);
    Places all = now;
    const int most = part.max < 0 ? static_cast<int>(text_.size()) + 1 : part.max - part.min;
    for (int i = 0; i < most && now != 0; ++i) {
      now = step(part.parts[0], now);
      all |= now;
    }
    return all;
  }

  const Rules& rules_;
  std::string_view text_;
  std::vector<std::optional<Places>> known_;  // of each rule at each place
};

inline bool matches(const Rules& rules, std::string_view text) {
  return Matcher(rules, text).matches();
}

// The grammar as GBNF.
inline void write(const Part& part, std::string& out) {
  switch (part.kind) {
    case Part::kText:
      out += '"' + part.text + '"';
      return;
    case Part::kClass:
      out += '[' + part.text + ']';
      return;
    case Part::kCall:
      out += part.rule == 0 ? "root" : "r" + std::to_string(part.rule);
      return;
    case Part::kSequence:
    case Part::kChoice:
      out += '(';
      for (size_t i = 0; i < part.parts.size(); ++i) {
        if (i > 0) out += part.kind == Part::kChoice ? " | " : " ";
        write(part.parts[i], out);
      }
      out += ')';
      return;
    case Part::kRepeat:
      write(part.parts[0], out);
      out += '{' + std::to_string(part.min) + ',';
      if (part.max >= 0) out += std::to_string(part.max);
      out += '}';
      return;
  }
}

inline std::string to_gbnf(const Rules& rules) {
  std::string out;
  for (size_t i = 0; i < rules.size(); ++i) {
    out += i == 0 ? "root ::= " : "r" + std::to_string(i) + " ::= ";
    write(rules[i], out);
    out += '\n';
  }
  return out;
}

// Random grammars over a, b, c. A call of an earlier rule, or of itself, comes after a character,
// so that rules are not left recursive unless by chance of empty parts.
class RandomGrammar {
 public:
  explicit RandomGrammar(uint32_t seed) : random_(seed) {}

  Rules make() {
    n_rules_ = 1 + pick(4);
    Rules rules;
    for (rule_ = 0; rule_ < n_rules_; ++rule_) rules.push_back(part(3));
    return rules;
  }

 private:
  size_t pick(size_t n) { return random_() % n; }

  Part part(int depth) {
    const size_t kind = pick(depth == 0 ? 2 : 9);
    if (kind == 0) {
      Part made{Part::kText, std::string(pick(4) == 0 ? 0 : 1 + pick(2), 'a'), {}};
      for (char& c : made.text) c = letter();
      return made;
    }
    if (kind == 1) return {Part::kClass, pick(2) == 0 ? "ab" : std::string("c") + letter(), {}};
    if (kind <= 3) return several(Part::kChoice, depth);
    if (kind <= 5) return several(Part::kSequence, depth);
    if (kind <= 6) return repeat(depth);
    if (rule_ + 1 < n_rules_ && pick(2) == 0) return call(rule_ + 1 + pick(n_rules_ - rule_ - 1));
    Part guarded{Part::kSequence, {}, {}};
    guarded.parts.push_back({Part::kClass, "abc", {}});
    guarded.parts.push_back(call(pick(rule_ + 1)));
    if (pick(2) == 0) guarded.parts.push_back(part(0));
    Part choice{Part::kChoice, {}, {}};
    choice.parts = {std::move(guarded), part(0)};
    return choice;
  }

  Part several(Part::Kind kind, int depth) {
    Part made{kind, {}, {}};
    for (size_t n = 2 + pick(2); n > 0; --n) made.parts.push_back(part(depth - 1));
    return made;
  }

  Part repeat(int depth) {
    Part made{Part::kRepeat, {}, {part(depth - 1)}};
    made.min = static_cast<int>(pick(3));
    made.max = pick(2) == 0 ? -1 : made.min + static_cast<int>(pick(3));
    return made;
  }

  Part call(size_t rule) {
    Part made{Part::kCall, {}, {}};
    made.rule = rule;
    return made;
  }

  char letter() { return static_cast<char>('a' + pick(3)); }

  std::minstd_rand random_;
  size_t n_rules_ = 0, rule_ = 0;
};

}  // namespace hearth::sample::oracle

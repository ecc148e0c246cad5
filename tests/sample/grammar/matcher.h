// SPDX-License-Identifier: MIT
// What a grammar matches by its definition: a tree of parts, tried one way after the other. Slow
// and short; the oracle for src/sample/grammar. Rules may call themselves, though not first.
#pragma once
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::sample::oracle {

struct Part {
  enum Kind { kText, kClass, kSequence, kChoice, kRepeat, kCall } kind = kText;
  std::string text;  // kText; kClass: the characters that belong to it
  std::vector<Part> parts;
  int min = 0, max = 0;  // max -1: unbounded
  size_t rule = 0;
};
using Rules = std::vector<Part>;

class Matcher {
 public:
  Matcher(const Rules& rules, std::string_view text) : rules_(rules), text_(text) {}
  bool matches() { return ends_of_rule(0, 0).contains(text_.size()); }

 private:
  using Ends = std::set<size_t>;

  const Ends& ends_of_rule(size_t rule, size_t at) {
    const auto [place, is_new] = known_.try_emplace({rule, at});
    if (is_new) {
      Ends ends = ends_of(rules_[rule], at);
      place->second = std::move(ends);
    }
    return place->second;
  }

  Ends ends_of(const Part& part, size_t at) {
    switch (part.kind) {
      case Part::kText:
        return text_.substr(at, part.text.size()) == part.text ? Ends{at + part.text.size()}
                                                               : Ends{};
      case Part::kClass:
        return at < text_.size() && part.text.find(text_[at]) != std::string::npos ? Ends{at + 1}
                                                                                   : Ends{};
      case Part::kCall:
        return ends_of_rule(part.rule, at);
      case Part::kChoice: {
        Ends all;
        for (const Part& one : part.parts) all.merge(ends_of(one, at));
        return all;
      }
      case Part::kSequence: {
        Ends now{at};
        for (const Part& next : part.parts) now = step(next, now);
        return now;
      }
      case Part::kRepeat:
        return ends_of_repeat(part, at);
    }
    return {};
  }

  Ends step(const Part& part, const Ends& from) {
    Ends next;
    for (const size_t at : from) next.merge(ends_of(part, at));
    return next;
  }

  // After as many times as the text has characters, more can only be empty.
  Ends ends_of_repeat(const Part& part, size_t at) {
    Ends now{at};
    for (int i = 0; i < part.min; ++i) now = step(part.parts[0], now);
    Ends all = now;
    const int most = part.max < 0 ? static_cast<int>(text_.size()) + 1 : part.max - part.min;
    for (int i = 0; i < most && !now.empty(); ++i) {
      now = step(part.parts[0], now);
      all.insert(now.begin(), now.end());
    }
    return all;
  }

  const Rules& rules_;
  std::string_view text_;
  std::map<std::pair<size_t, size_t>, Ends> known_;
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

// SPDX-License-Identifier: MIT
// Puts a grammar together from parts: characters, literals, sequences, choices, repetitions, rules
// that may call each other. The readers of GBNF, of JSON schemas and of patterns build with it, and
// so does whoever composes them, for example a tool call's syntax around a schema.
// Out: an immutable Grammar. What goes beyond a bound of limits.h becomes an error of finish().
// One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/grammar/char_set.h"
#include "sample/grammar/grammar.h"
#include "sample/grammar/limits.h"

namespace hearth::sample {

using Expr = uint32_t;    // a part; belongs to the builder that made it
using RuleId = uint32_t;  // a rule of this builder

inline constexpr uint32_t kUnbounded = UINT32_MAX;

enum class ExprKind : uint8_t {
  kNever,     // matches nothing
  kEmpty,     // matches the empty text
  kBytes,     // matches `text`
  kChars,     // matches one character of a set
  kSequence,  // its parts one after the other
  kChoice,    // one of its parts
  kRepeat,    // its part, min to max times
  kRule,      // what the rule matches
  kUntil,     // free text up to a trigger, then what belongs to the trigger
  kList,      // parts with something between them; see ListParts
  kExcept,    // any text of some characters that is none of some words
  kWithout,   // any text of some characters in which none of some words stands
};

// Free text goes on until `text` has come; then `then` has to.
struct Trigger {
  std::string text;         // not empty
  bool is_special = false;  // `text` is a special token's, and only the token counts
  Expr then = 0;
};

// Parts in their order, each there or left out, with `separator` between those that are there;
// then any number of `more`. From `min` to `max` of all of them.
struct ListParts {
  std::vector<Expr> parts;
  std::vector<bool> is_optional;  // by part
  bool is_prefix = false;         // where one is left out, so are all that come after it
  Expr separator = 1;
  Expr more = 0;  // 0, never: none
  uint32_t min = 0, max = UINT32_MAX;
};

struct ExprNode {
  ExprKind kind = ExprKind::kEmpty;
  bool may_end = false;       // kUntil: the text may end without a trigger
  bool calls = false;         // a rule somewhere below
  bool loops = false;         // an unbounded repetition or free text somewhere below
  uint32_t depth = 1;         // of the tree below
  uint64_t size = 1;          // about the states that it makes
  uint32_t min = 0, max = 0;  // kRepeat
  uint32_t index = 0;         // kRule: the rule; kChars, the others: in their table
  std::vector<Expr> parts;    // kSequence, kChoice, kRepeat
};

class GrammarBuilder {
 public:
  GrammarBuilder();

  Expr never() const { return 0; }
  Expr empty() const { return 1; }
  Expr literal(std::string_view text);
  // A special token by its text as in the vocabulary; its characters do not stand for it.
  Expr special(std::string_view token_text);
  Expr chars(CharSet set);
  Expr sequence(std::vector<Expr> parts);
  Expr choice(std::vector<Expr> parts);
  Expr repeat(Expr part, uint32_t min, uint32_t max = kUnbounded);
  Expr optional(Expr part) { return repeat(part, 0, 1); }
  // See ExprKind. After a trigger's `then` the text is over.
  Expr until(std::vector<Trigger> triggers, bool may_end);
  Expr list(ListParts list);
  // `chars`: of WordTree::plain_chars().
  Expr word_except(std::vector<std::string> words, CharSet chars);
  // `words`: UTF-8, none of them empty.
  Expr text_without(std::vector<std::string> words, CharSet chars);

  // `name` is for errors and need not be unique. A rule has to be defined before finish().
  RuleId declare(std::string name);
  void define(RuleId rule, Expr body);
  bool is_defined(RuleId rule) const { return rules_[rule].is_defined; }
  Expr call(RuleId rule);
  // A rule of its own for `body`: where it is long and stands in several places.
  Expr shared(std::string name, Expr body);

  // Errors: a bound reached, a rule that calls itself before anything was matched, a root that
  // matches no text at all.
  Result<std::shared_ptr<const Grammar>> finish(Expr root);

  struct Rule {
    std::string name;
    Expr body = 0;
    bool is_defined = false;
  };
  struct UntilText {
    std::vector<Trigger> triggers;
  };
  const ExprNode& node(Expr expr) const { return nodes_[expr]; }
  const std::string& bytes_of(const ExprNode& node) const { return texts_[node.index]; }
  const CharSet& chars_of(const ExprNode& node) const { return sets_[node.index]; }
  const UntilText& until_of(const ExprNode& node) const { return untils_[node.index]; }
  const ListParts& list_of(const ExprNode& node) const { return lists_[node.index]; }
  struct WithoutText {  // kExcept, kWithout
    std::vector<std::string> words;
    CharSet chars;
  };
  const WithoutText& without_of(const ExprNode& node) const { return withouts_[node.index]; }
  const std::vector<Rule>& rules() const { return rules_; }

 private:
  Expr add(ExprNode node);
  void refuse(Failure why);

  std::vector<ExprNode> nodes_;
  std::vector<std::string> texts_;
  std::vector<CharSet> sets_;
  std::vector<UntilText> untils_;
  std::vector<ListParts> lists_;
  std::vector<WithoutText> withouts_;
  std::vector<Rule> rules_;
  Status status_;
};

// How a special token is spelled among the bytes that a grammar matches: two bytes that are in no
// UTF-8 around its text. See TokenTable.
std::string special_spelling(std::string_view token_text);

}  // namespace hearth::sample

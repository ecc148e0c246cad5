// SPDX-License-Identifier: MIT
#include "sample/grammar/builder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/quote.h"
#include "sample/grammar/compile.h"

namespace hearth::sample {
namespace {

// Sequences and choices are flat, so a tree's depth is about twice the brackets of its text.
constexpr uint32_t kMaxTreeDepth = 4 * kMaxGrammarDepth;

}  // namespace

std::string special_spelling(std::string_view token_text) {
  std::string spelling = "\xFF";
  spelling += token_text;
  spelling += '\xFE';
  return spelling;
}

GrammarBuilder::GrammarBuilder() {
  nodes_.push_back({.kind = ExprKind::kNever, .parts = {}});
  nodes_.push_back({.kind = ExprKind::kEmpty, .parts = {}});
}

void GrammarBuilder::refuse(Failure why) {
  if (status_) status_ = std::move(why);
}

Expr GrammarBuilder::add(ExprNode node) {
  for (const Expr part : node.parts) {
    const ExprNode& below = nodes_[part];
    node.calls = node.calls || below.calls;
    node.loops = node.loops || below.loops;
    node.depth = std::max(node.depth, below.depth + 1);
  }
  if (nodes_.size() >= kMaxExpressions) {
    refuse(over_limit("the grammar has more than {} parts", kMaxExpressions));
    return never();
  }
  if (node.depth > kMaxTreeDepth) {
    refuse(over_limit("the grammar is nested more than {} deep", kMaxTreeDepth));
    return never();
  }
  nodes_.push_back(std::move(node));
  return static_cast<Expr>(nodes_.size() - 1);
}

Expr GrammarBuilder::literal(std::string_view text) {
  if (text.empty()) return empty();
  texts_.emplace_back(text);
  return add({.kind = ExprKind::kBytes,
              .size = text.size(),
              .index = static_cast<uint32_t>(texts_.size() - 1),
              .parts = {}});
}

Expr GrammarBuilder::special(std::string_view token_text) {
  return literal(special_spelling(token_text));
}

Expr GrammarBuilder::chars(CharSet set) {
  if (set.is_empty()) return never();
  const size_t n_ranges = set.ranges().size();
  sets_.push_back(std::move(set));
  return add({.kind = ExprKind::kChars,
              .size = 1 + n_ranges,
              .index = static_cast<uint32_t>(sets_.size() - 1),
              .parts = {}});
}

Expr GrammarBuilder::sequence(std::vector<Expr> parts) {
  std::erase(parts, empty());
  if (std::find(parts.begin(), parts.end(), never()) != parts.end()) return never();
  if (parts.empty()) return empty();
  if (parts.size() == 1) return parts[0];
  uint64_t size = 0;
  for (const Expr part : parts) size += nodes_[part].size;
  return add({.kind = ExprKind::kSequence, .size = size, .parts = std::move(parts)});
}

Expr GrammarBuilder::choice(std::vector<Expr> parts) {
  std::erase(parts, never());
  if (parts.empty()) return never();
  if (parts.size() == 1) return parts[0];
  uint64_t size = 1;
  for (const Expr part : parts) size += nodes_[part].size;
  return add({.kind = ExprKind::kChoice, .size = size, .parts = std::move(parts)});
}

Expr GrammarBuilder::repeat(Expr part, uint32_t min, uint32_t max) {
  if (min > max) return never();
  if ((min > kMaxRepeats) || (max != kUnbounded && max > kMaxRepeats)) {
    refuse(over_limit("a repetition of more than {} times", kMaxRepeats));
    return never();
  }
  if (max == 0 || part == empty()) return empty();
  if (part == never()) return min == 0 ? empty() : never();
  if (min == 1 && max == 1) return part;
  const uint64_t copies = max == kUnbounded ? min + uint64_t{1} : max;
  return add({.kind = ExprKind::kRepeat,
              .loops = max == kUnbounded,
              .size = std::min<uint64_t>(nodes_[part].size * copies, UINT32_MAX),
              .min = min,
              .max = max,
              .parts = {part}});
}

Expr GrammarBuilder::until(std::vector<Trigger> triggers, bool may_end) {
  ExprNode node{.kind = ExprKind::kUntil, .may_end = may_end, .loops = true, .parts = {}};
  for (const Trigger& trigger : triggers) {
    CHECK(!trigger.text.empty());
    node.size += trigger.text.size() + nodes_[trigger.then].size;
    node.calls = node.calls || nodes_[trigger.then].calls;
    node.depth = std::max(node.depth, nodes_[trigger.then].depth + 1);
  }
  untils_.push_back({std::move(triggers)});
  node.index = static_cast<uint32_t>(untils_.size() - 1);
  return add(std::move(node));
}

Expr GrammarBuilder::list(ListParts list) {
  ExprNode node{.kind = ExprKind::kList, .loops = list.more != never(), .parts = list.parts};
  node.parts.push_back(list.separator);
  node.parts.push_back(list.more);
  for (const Expr part : node.parts) node.size += nodes_[part].size;
  const uint64_t rows = 1 + (list.max == kUnbounded ? list.min : std::min(list.max, kMaxRepeats));
  node.size = std::min<uint64_t>(node.size * rows, UINT32_MAX);
  lists_.push_back(std::move(list));
  node.index = static_cast<uint32_t>(lists_.size() - 1);
  return add(std::move(node));
}

Expr GrammarBuilder::word_except(std::vector<std::string> words, CharSet chars) {
  ExprNode node{.kind = ExprKind::kExcept, .loops = true, .parts = {}};
  for (const std::string& word : words) node.size += 2 * word.size();
  withouts_.push_back({std::move(words), std::move(chars)});
  node.index = static_cast<uint32_t>(withouts_.size() - 1);
  return add(std::move(node));
}

Expr GrammarBuilder::text_without(std::vector<std::string> words, CharSet chars) {
  ExprNode node{.kind = ExprKind::kWithout, .loops = true, .size = 0, .parts = {}};
  node.size = 1 + chars.ranges().size();
  for (const std::string& word : words) node.size += word.size() * (1 + chars.ranges().size());
  withouts_.push_back({std::move(words), std::move(chars)});
  node.index = static_cast<uint32_t>(withouts_.size() - 1);
  return add(std::move(node));
}

RuleId GrammarBuilder::declare(std::string name) {
  if (rules_.size() >= kMaxRules)
    refuse(over_limit("the grammar has more than {} rules", kMaxRules));
  rules_.push_back({std::move(name)});
  return static_cast<RuleId>(rules_.size() - 1);
}

void GrammarBuilder::define(RuleId rule, Expr body) {
  CHECK(!rules_[rule].is_defined);
  rules_[rule].body = body;
  rules_[rule].is_defined = true;
}

Expr GrammarBuilder::call(RuleId rule) {
  return add({.kind = ExprKind::kRule, .calls = true, .size = 2, .index = rule, .parts = {}});
}

Expr GrammarBuilder::shared(std::string name, Expr body) {
  const RuleId rule = declare(std::move(name));
  define(rule, body);
  return call(rule);
}

Result<std::shared_ptr<const Grammar>> GrammarBuilder::finish(Expr root) {
  const RuleId whole = declare("the whole");
  define(whole, root);
  TRY(status_);
  for (const Rule& rule : rules_) {
    if (!rule.is_defined) return invalid("the rule {} is not defined", quote(rule.name));
  }
  TRY_LET(std::unique_ptr<const Automaton> automaton, compile(*this, whole));
  return std::make_shared<const Grammar>(std::move(automaton));
}

}  // namespace hearth::sample

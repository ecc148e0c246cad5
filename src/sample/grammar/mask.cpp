// SPDX-License-Identifier: MIT
#include "sample/grammar/mask.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "sample/grammar/builder.h"
#include "sample/grammar/local_mask.h"
#include "sample/grammar/pushdown.h"

namespace hearth::sample {
namespace {

// So many rules may be opened by one token: from here to the bound on the stack a mask is found
// with the whole stack in view.
constexpr uint32_t kDeepestToken = 64;
// A place of more kernel states than this is looked at as a whole.
constexpr size_t kMostLocal = 64;
constexpr size_t kMaxPushdownBytes = 16u << 20;
constexpr size_t kMaxLocalBytes = 48u << 20;
constexpr size_t kMaxKeptMasks = 256;

}  // namespace

// What all masks of a grammar share; its mutex is held by whoever uses it.
class MaskEngine {
 public:
  MaskEngine(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTable> table)
      : grammar_(std::move(grammar)),
        table_(std::move(table)),
        loops_(grammar_->automaton(), *table_) {
    renew();
  }

  const TokenTable& table() const { return *table_; }
  std::mutex& mutex() { return mutex_; }
  size_t bytes() const {
    return grammar_->bytes() + pushdown_->bytes() + local_bytes_ + loops_.bytes() + kept_bytes();
  }

  // The followers of texts is replaced when it has grown too large: `at` is a position in
  // `pushdown`, and both are brought up to date.
  void follow(std::shared_ptr<Pushdown>& pushdown, Position& at) {
    if (pushdown_->bytes() > kMaxPushdownBytes) renew();
    if (pushdown == pushdown_) return;
    at = pushdown ? pushdown_->copy_from(*pushdown, at) : pushdown_->start();
    pushdown = pushdown_;
  }

  // A bit per token, without those that end the generation.
  const std::vector<uint64_t>& tokens_at(Position at) {
    const auto known = kept_.find(at);
    if (known != kept_.end()) return known->second;
    if (kept_.size() >= kMaxKeptMasks) kept_.clear();
    if (local_bytes_ + loops_.bytes() > kMaxLocalBytes) {
      local_.clear();
      local_bytes_ = 0;
      loops_.clear();
    }
    std::vector<uint64_t> mask(table_->n_words());
    if (!add_by_parts(at, mask)) {
      add_below(0, at, mask);
    }
    return kept_.emplace(at, std::move(mask)).first->second;
  }

 private:
  void renew() {
    pushdown_ = std::make_shared<Pushdown>(grammar_->automaton());
    kept_.clear();
  }
  size_t kept_bytes() const { return kept_.size() * table_->n_words() * sizeof(uint64_t); }

  // Adds the tokens in the part of the tree below `top`, which is at `from`.
  void add_below(uint32_t top, Position from, std::vector<uint64_t>& mask) {
    const uint32_t base = table_->depth(top);
    places_.resize(table_->max_depth() + 1);
    places_[base] = from;
    const uint32_t end = table_->skip(top);
    for (uint32_t node = top + 1; node < end;) {
      const uint32_t depth = table_->depth(node);
      const Position next = pushdown_->step(places_[depth - 1], table_->byte(node));
      if (next == kDead) {
        node = table_->skip(node);
        continue;
      }
      places_[depth] = next;
      add_tokens(table_->tokens(node), mask);
      const bool keeps_all = loops_.keep_below(*pushdown_, next, node);
      if (keeps_all) add_tokens(table_->tokens_below(node), mask);
      node = keeps_all ? table_->skip(node) : node + 1;
    }
  }

  static void add_tokens(std::span<const int32_t> ids, std::vector<uint64_t>& mask) {
    for (const int32_t id : ids) mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }

  bool add_by_parts(Position at, std::vector<uint64_t>& mask) {
    if (pushdown_->depth(at) + kDeepestToken > kMaxStackDepth) return false;
    const Automaton& automaton = grammar_->automaton();
    // Those that were entered by a call are part of what the caller decides, if not apart.
    std::vector<Pushdown::Item> kernel;
    for (const Pushdown::Item& item : pushdown_->items(at)) {
      const uint32_t rule = automaton.states[item.state].rule;
      const bool is_entered = automaton.rules[rule].start == item.state && rule != automaton.root;
      if (!is_entered || loops_.is_apart(rule)) kernel.push_back(item);
    }
    if (kernel.size() > kMostLocal) return false;
    for (const Pushdown::Item& item : kernel) {
      LocalMask& local = local_at(item.state);
      const AutomatonRule& rule = automaton.rules[automaton.states[item.state].rule];
      add_local(local, rule, item, mask);
    }
    return true;
  }

  void add_local(LocalMask& local, const AutomatonRule& rule, const Pushdown::Item& item,
                 std::vector<uint64_t>& mask) {
    const bool is_bounded = rule.is_counted && rule.max != kUnbounded;
    const uint32_t room = is_bounded ? rule.max - item.count : kUnbounded;
    const size_t before = local.bytes();
    local.add_to(mask, room);
    local_bytes_ += local.bytes() - before;
    if (local.exits().empty() || item.returns == kTop) return;
    const uint32_t missing = rule.is_counted && item.count < rule.min ? rule.min - item.count : 0;
    const Position after = pushdown_->after(item.returns);
    for (const LocalMask::ExitByte& group : local.exits()) {
      const Position next = pushdown_->step(after, group.byte);
      if (next == kDead) continue;
      for (const LocalMask::Exit& exit : group.exits) {
        if (exit.count < missing || exit.count > room) continue;
        add_tokens(table_->tokens(exit.node), mask);
        add_below(exit.node, next, mask);
      }
    }
  }

  LocalMask& local_at(uint32_t state) {
    std::unique_ptr<LocalMask>& local = local_[state];
    if (!local) {
      local =
          std::make_unique<LocalMask>(grammar_->automaton(), *table_, state, *pushdown_, loops_);
      local_bytes_ += local->bytes();
    }
    return *local;
  }

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTable> table_;
  std::mutex mutex_;
  std::shared_ptr<Pushdown> pushdown_;
  StateLoops loops_;
  std::unordered_map<uint32_t, std::unique_ptr<LocalMask>> local_;  // by state
  size_t local_bytes_ = 0;
  std::unordered_map<Position, std::vector<uint64_t>> kept_;
  std::vector<Position> places_;  // of add_below, by depth
};

namespace {

class GrammarMask final : public TokenMask {
 public:
  explicit GrammarMask(std::shared_ptr<MaskEngine> engine) : engine_(std::move(engine)) {
    const std::lock_guard lock(engine_->mutex());
    engine_->follow(pushdown_, at_);
  }

  std::span<const uint64_t> allowed() override {
    if (is_fresh_) return mask_;
    const std::lock_guard lock(engine_->mutex());
    engine_->follow(pushdown_, at_);
    const TokenTable& table = engine_->table();
    bool may_end = is_over_;
    if (is_over_) {
      mask_.assign(table.n_words(), 0);
    } else {
      mask_ = engine_->tokens_at(at_);
      is_stuck_ = std::all_of(mask_.begin(), mask_.end(), [](uint64_t word) { return word == 0; });
      may_end = pushdown_->may_end(at_) || is_stuck_;
    }
    if (may_end) {
      for (const int32_t id : table.end_of_generation())
        mask_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
    }
    is_fresh_ = true;
    return mask_;
  }

  Status accept(int32_t id) override {
    const TokenTable& table = engine_->table();
    if (id < 0 || static_cast<size_t>(id) >= table.n_vocab())
      return invalid("token {} is not in the vocabulary", id);
    const std::lock_guard lock(engine_->mutex());
    engine_->follow(pushdown_, at_);
    if (table.ends_generation(id)) return end();
    is_fresh_ = false;
    // The way of a special token first: where it counts as one, it is meant as one.
    const auto spellings = table.spellings(id);
    for (auto spelling = spellings.rbegin(); spelling != spellings.rend() && !is_over_;
         ++spelling) {
      Position next = at_;
      for (const char c : *spelling) next = pushdown_->step(next, static_cast<uint8_t>(c));
      if (next == kDead) continue;
      at_ = next;
      return {};
    }
    return invalid("token {} is not allowed here by the grammar", id);
  }

  bool complete() const override {
    if (is_over_) return true;
    const std::lock_guard lock(engine_->mutex());
    return pushdown_->may_end(at_) && !pushdown_->can_go_on(at_);
  }

  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<GrammarMask>(*this); }

 private:
  Status end() {
    if (is_over_ || pushdown_->may_end(at_)) {
      is_over_ = true;
      is_fresh_ = false;
      return {};
    }
    if (is_stuck_ && is_fresh_)
      return unsupported("the vocabulary has no token with which the grammar can go on");
    return invalid("the answer may not end here: the grammar is not complete");
  }

  std::shared_ptr<MaskEngine> engine_;
  std::shared_ptr<Pushdown> pushdown_;
  Position at_ = kDead;
  std::vector<uint64_t> mask_;
  bool is_fresh_ = false;  // mask_ is that of at_
  bool is_stuck_ = false;
  bool is_over_ = false;
};

}  // namespace

VocabularyGrammar::VocabularyGrammar(std::shared_ptr<const Grammar> grammar,
                                     std::shared_ptr<const TokenTable> table)
    : engine_(std::make_shared<MaskEngine>(std::move(grammar), std::move(table))) {}

std::unique_ptr<TokenMask> VocabularyGrammar::mask() const {
  return std::make_unique<GrammarMask>(engine_);
}

size_t VocabularyGrammar::bytes() const {
  const std::lock_guard lock(engine_->mutex());
  return engine_->bytes();
}

}  // namespace hearth::sample

// SPDX-License-Identifier: MIT
#include "sample/grammar/free_text.h"

#include "text/unicode.h"

namespace hearth::sample {
namespace {

constexpr size_t kMaxTriggerBytes = 4096;
constexpr uint32_t kNone = UINT32_MAX;

}  // namespace

Result<FreeText> FreeText::make(const std::vector<Trigger>& triggers) {
  FreeText made;
  made.next_.emplace_back().fill(kNone);
  made.found_.push_back(-1);
  made.n_triggers_ = triggers.size();
  for (size_t i = 0; i < triggers.size(); ++i) {
    const std::string& text = triggers[i].text;
    if (made.next_.size() + text.size() > kMaxTriggerBytes)
      return over_limit("triggers of more than {} bytes", kMaxTriggerBytes);
    made.insert(triggers[i].is_special ? special_spelling(text) : text, static_cast<int>(i));
  }
  made.complete();
  return made;
}

void FreeText::insert(const std::string& text, int trigger) {
  uint32_t at = 0;
  for (const char c : text) {
    uint32_t& slot = next_[at][static_cast<uint8_t>(c)];
    if (slot == kNone) {
      slot = static_cast<uint32_t>(next_.size());
      at = slot;  // before the table grows and moves
      next_.emplace_back().fill(kNone);
      found_.push_back(-1);
    } else {
      at = slot;
    }
  }
  if (found_[at] < 0) found_[at] = trigger;
}

// Breadth first: the longest proper end of a state's text that is a beginning of a trigger is
// already complete.
void FreeText::complete() {
  std::vector<uint32_t> shorter(next_.size(), 0);
  std::vector<uint32_t> order{0};
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t state = order[i];
    for (size_t byte = 0; byte < 256; ++byte) {
      uint32_t& slot = next_[state][byte];
      const uint32_t fallback = state == 0 ? 0 : next_[shorter[state]][byte];
      if (slot == kNone) {
        slot = fallback;
        continue;
      }
      shorter[slot] = fallback;
      if (found_[slot] < 0) found_[slot] = found_[fallback];
      order.push_back(slot);
    }
  }
}

std::vector<FreeText::Step> FreeText::steps(uint32_t state) const {
  std::vector<Step> steps;
  for (int byte = 0; byte < 256; ++byte) {
    const uint32_t to = next_[state][static_cast<size_t>(byte)];
    const auto b = static_cast<uint8_t>(byte);
    if (!steps.empty() && steps.back().to == to) {
      steps.back().last = b;
    } else {
      steps.push_back({b, b, to, found_[to]});
    }
  }
  return steps;
}

WordSearch::WordSearch(const std::vector<std::string>& words) : states_(1) {
  for (const std::string& word : words) {
    uint32_t at = 0;
    for (size_t i = 0; i < word.size();) {
      const text::Decoded next = text::decode_utf8(word, i);
      i += next.bytes;
      const auto [place, is_new] =
          states_[at].steps.try_emplace(next.code, static_cast<uint32_t>(states_.size()));
      at = place->second;
      if (is_new) states_.emplace_back();
    }
    states_[at].is_found = true;
  }
  // Breadth first, as in FreeText: what the longest proper end of a state's text leads to.
  std::vector<uint32_t> shorter(states_.size(), 0), order{0};
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t at = order[i];
    const auto children = states_[at].steps;
    for (const auto& [code, child] : children) {
      order.push_back(child);
      const auto& before = states_[shorter[at]].steps;
      const auto known = before.find(code);
      shorter[child] = at == 0 || known == before.end() ? 0 : known->second;
      if (states_[shorter[child]].is_found) states_[child].is_found = true;
    }
    if (at == 0) continue;
    for (const auto& [code, next] : states_[shorter[at]].steps)
      states_[at].steps.try_emplace(code, next);
  }
}

CharSet WordTree::plain_chars() {
  CharSet special({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  return special.complement();
}

WordTree::WordTree(const std::vector<std::string>& words) : nodes_(1) {
  const CharSet plain = plain_chars();
  for (const std::string& word : words) {
    uint32_t at = 0;
    bool is_plain = true;
    for (size_t i = 0; i < word.size() && is_plain;) {
      const text::Decoded next = text::decode_utf8(word, i);
      i += next.bytes;
      is_plain = next.valid && plain.has(next.code);
      if (!is_plain) break;
      const auto [place, is_new] =
          nodes_[at].children.try_emplace(next.code, static_cast<uint32_t>(nodes_.size()));
      at = place->second;
      if (is_new) nodes_.emplace_back();
    }
    if (is_plain) nodes_[at].is_word = true;
  }
}

}  // namespace hearth::sample

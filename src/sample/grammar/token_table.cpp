// SPDX-License-Identifier: MIT
#include "sample/grammar/token_table.h"

#include <algorithm>
#include <utility>

#include "sample/grammar/builder.h"

namespace hearth::sample {
namespace {

constexpr size_t kMaxKeptLoops = 16;  // some 100 KiB each

bool is_plain(std::string_view text) { return text.find_first_of("\xFE\xFF") == text.npos; }

}  // namespace

std::shared_ptr<const TokenTable> TokenTable::make(const text::Tokenizer& tokenizer) {
  std::vector<Piece> pieces(tokenizer.n_vocab());
  constexpr uint16_t kSpecial = text::kControlToken | text::kUserDefinedToken;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto id = static_cast<text::TokenId>(i);
    tokenizer.append_piece(id, false, pieces[i].text);
    if ((tokenizer.token_kinds(id) & kSpecial) != 0) pieces[i].special = tokenizer.token_text(id);
  }
  return make(pieces, tokenizer.special().end_of_generation);
}

std::shared_ptr<const TokenTable> TokenTable::make(std::span<const Piece> pieces,
                                                   std::vector<int32_t> end_of_generation) {
  std::shared_ptr<TokenTable> made(new TokenTable);
  std::sort(end_of_generation.begin(), end_of_generation.end());
  made->end_of_generation_ = std::move(end_of_generation);
  const auto add = [&](std::string_view spelling) {
    const auto begin = static_cast<uint32_t>(made->all_spellings_.size());
    made->all_spellings_ += spelling;
    made->cuts_.emplace_back(begin, static_cast<uint32_t>(made->all_spellings_.size()));
  };
  std::vector<int32_t> ids;
  for (size_t i = 0; i < pieces.size(); ++i) {
    made->spelling_at_.push_back(static_cast<uint32_t>(made->cuts_.size()));
    const auto id = static_cast<int32_t>(i);
    if (made->ends_generation(id)) continue;
    if (!pieces[i].text.empty() && is_plain(pieces[i].text)) add(pieces[i].text);
    if (!pieces[i].special.empty() && is_plain(pieces[i].special))
      add(special_spelling(pieces[i].special));
    ids.resize(made->cuts_.size(), id);
  }
  made->spelling_at_.push_back(static_cast<uint32_t>(made->cuts_.size()));
  std::vector<std::pair<std::string_view, int32_t>> spellings;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto [begin, end] = made->cuts_[i];
    spellings.emplace_back(std::string_view(made->all_spellings_).substr(begin, end - begin),
                           ids[i]);
  }
  made->build(spellings);
  made->sort_by_length(pieces);
  made->loop_tokens(json_string_loop());
  return made;
}

// Sorted by bytes, each spelling shares with the one before it as much as the tree does.
void TokenTable::build(std::vector<std::pair<std::string_view, int32_t>>& spellings) {
  std::sort(spellings.begin(), spellings.end());
  std::vector<uint32_t> open{0};  // the nodes of the spelling before, by depth
  bytes_.push_back(0);
  depths_.push_back(0);
  skips_.push_back(0);
  tokens_at_.push_back(0);
  std::string_view before;
  for (const auto& [text, id] : spellings) {
    const size_t longest = std::min(text.size(), before.size());
    size_t shared = 0;
    while (shared < longest && text[shared] == before[shared]) ++shared;
    while (open.size() > shared + 1) {
      skips_[open.back()] = static_cast<uint32_t>(bytes_.size());
      open.pop_back();
    }
    for (size_t i = shared; i < text.size(); ++i) {
      open.push_back(static_cast<uint32_t>(bytes_.size()));
      bytes_.push_back(static_cast<uint8_t>(text[i]));
      depths_.push_back(static_cast<uint32_t>(i + 1));
      skips_.push_back(0);
      tokens_at_.push_back(static_cast<uint32_t>(tokens_.size()));
    }
    tokens_.push_back(id);
    max_depth_ = std::max(max_depth_, text.size());
    before = text;
  }
  for (const uint32_t node : open) skips_[node] = static_cast<uint32_t>(bytes_.size());
  find_heights();
  tokens_at_.push_back(static_cast<uint32_t>(tokens_.size()));
}

// From the last node to the first: the deepest one below each depth that was seen since.
void TokenTable::find_heights() {
  heights_.resize(bytes_.size());
  std::vector<uint32_t> below(max_depth_ + 2);
  for (size_t node = bytes_.size(); node-- > 0;) {
    const uint32_t depth = depths_[node];
    heights_[node] = std::exchange(below[depth + 1], 0);
    below[depth] = std::max(below[depth], heights_[node] + 1);
  }
}

void TokenTable::sort_by_length(std::span<const Piece> pieces) {
  short_.resize(kMaxChars * n_words());
  for (size_t i = 0; i < pieces.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string& text = pieces[i].text;
    const auto n_chars = static_cast<uint32_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    if (n_chars > kMaxChars) {
      long_.push_back({id, n_chars});
    } else {
      short_[(std::max(n_chars, 1u) - 1) * n_words() + i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  for (size_t i = n_words(); i < short_.size(); ++i) short_[i] |= short_[i - n_words()];
  std::sort(long_.begin(), long_.end(),
            [](const LongToken& a, const LongToken& b) { return a.n_chars < b.n_chars; });
}

std::shared_ptr<const LoopTokens> TokenTable::loop_tokens(const ByteLoop& loop) const {
  const std::lock_guard lock(loops_mutex_);
  const auto known = std::find_if(loops_.begin(), loops_.end(),
                                  [&](const auto& one) { return one->loop() == loop; });
  if (known != loops_.end()) {
    loops_.splice(loops_.begin(), loops_, known);
    return loops_.front();
  }
  loops_.push_front(std::make_shared<const LoopTokens>(*this, loop));
  if (loops_.size() > kMaxKeptLoops) loops_.pop_back();
  return loops_.front();
}

bool TokenTable::ends_generation(int32_t id) const {
  return std::binary_search(end_of_generation_.begin(), end_of_generation_.end(), id);
}

std::vector<std::string_view> TokenTable::spellings(int32_t id) const {
  std::vector<std::string_view> all;
  const auto i = static_cast<size_t>(id);
  for (uint32_t k = spelling_at_[i]; k < spelling_at_[i + 1]; ++k) {
    all.push_back(
        std::string_view(all_spellings_).substr(cuts_[k].first, cuts_[k].second - cuts_[k].first));
  }
  return all;
}

}  // namespace hearth::sample

// SPDX-License-Identifier: MIT
#include "text/spm.h"

#include <algorithm>

#include "text/merge_queue.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

// The best score comes first.
struct Score {
  float value;
  bool operator<(const Score& other) const { return value > other.value; }
};

void encode_piece(std::string_view text, const Vocab& vocab,
                  const std::array<TokenId, 256>& byte_ids, MergeQueue<Score>& queue,
                  std::vector<TokenId>& out) {
  queue.clear();
  std::vector<Symbol>& symbols = queue.symbols();
  for (size_t i = 0; i < text.size();) {
    const size_t n = std::min(utf8_length(text[i]), text.size() - i);
    queue.add_symbol(static_cast<uint32_t>(i), static_cast<uint32_t>(n), 0);
    i += n;
  }
  const auto offer = [&](uint32_t left, uint32_t right) {
    if (left == Symbol::kEnd || right == Symbol::kEnd) return;
    const size_t n_bytes = size_t{symbols[left].n_bytes} + symbols[right].n_bytes;
    if (n_bytes > vocab.longest_text_bytes()) return;
    const TokenId id = vocab.find(text.substr(symbols[left].begin, n_bytes));
    if (id != kNoToken) queue.push(Score{vocab.score(id)}, left, right);
  };
  for (uint32_t i = 1; i < symbols.size(); ++i) offer(i - 1, i);
  queue.run([&](uint32_t grown) {
    offer(symbols[grown].prev, grown);
    offer(grown, symbols[grown].next);
  });
  for (uint32_t i = 0; i != Symbol::kEnd; i = symbols[i].next) {
    const std::string_view piece = text.substr(symbols[i].begin, symbols[i].n_bytes);
    const TokenId id = vocab.find(piece);
    if (id != kNoToken) {
      out.push_back(id);
    } else {
      for (const char c : piece) out.push_back(byte_ids[static_cast<uint8_t>(c)]);
    }
  }
}

}  // namespace

Spm::Spm(const Vocab& vocab, TokenId unknown) {
  for (size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    TokenId id = vocab.find_byte(static_cast<uint8_t>(b));
    if (id == kNoToken) id = vocab.find(std::string_view(&byte, 1));
    byte_ids_[b] = id == kNoToken ? unknown : id;
  }
}

void Spm::encode(std::string_view text, const Vocab& vocab, std::vector<TokenId>& out) const {
  MergeQueue<Score> queue;
  for (size_t at = 0; at < text.size(); at += kMaxPieceBytes) {
    encode_piece(text.substr(at, kMaxPieceBytes), vocab, byte_ids_, queue, out);
  }
}

}  // namespace hearth::text

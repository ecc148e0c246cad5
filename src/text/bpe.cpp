// SPDX-License-Identifier: MIT
#include "text/bpe.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "text/merge_queue.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";
// Above every vocabulary there is (gemma 4: 514906), below what 32-bit numbers and memory allow.
constexpr uint64_t kMaxMerges = 1 << 26;

// GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes for U+0100 and up.
struct ByteAlphabet {
  std::array<uint32_t, 256> code = {};
  std::array<int16_t, 0x180> byte = {};
  std::array<std::array<char, 2>, 256> utf8 = {};
  std::array<uint8_t, 256> n_bytes = {};

  constexpr ByteAlphabet() {
    byte.fill(-1);
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
      code[b] = printable ? b : next++;
      byte[code[b]] = static_cast<int16_t>(b);
      n_bytes[b] = code[b] < 0x80 ? 1 : 2;
      utf8[b] = code[b] < 0x80 ? std::array<char, 2>{static_cast<char>(code[b]), 0}
                               : std::array<char, 2>{static_cast<char>(0xC0 | code[b] >> 6),
                                                     static_cast<char>(0x80 | (code[b] & 0x3F))};
    }
  }
};
constexpr ByteAlphabet kAlphabet;

const std::array<uint64_t, 256>& byte_character_hashes() {
  static const std::array<uint64_t, 256> hashes = [] {
    std::array<uint64_t, 256> table;
    for (size_t b = 0; b < 256; ++b) {
      table[b] = hash_bytes(byte_character(static_cast<uint8_t>(b)));
    }
    return table;
  }();
  return hashes;
}

uint64_t pair_hash(uint64_t left, uint64_t right) {
  return mix_hash(left ^ 0x8ebc6af09c88c6e3, right ^ 0x589965cc75374cc3);
}

}  // namespace

std::string_view byte_character(uint8_t byte) {
  return {kAlphabet.utf8[byte].data(), kAlphabet.n_bytes[byte]};
}

int byte_of_character(uint32_t code) {
  return code < kAlphabet.byte.size() ? kAlphabet.byte[code] : -1;
}

Result<Merges> Merges::read(const file::Metadata& metadata) {
  using file::MetaType;
  const auto entry = metadata.entries().find(kMergesKey);
  if (entry == metadata.entries().end() || entry->second.type != MetaType::kArray ||
      entry->second.element_type != MetaType::kString) {
    return corrupt("{} is missing or not an array of strings", kMergesKey);
  }
  Merges merges;
  merges.value_ = entry->second;
  const uint64_t count = merges.value_.count;
  if (count > kMaxMerges || count > merges.value_.bytes.size() / 8) {
    return corrupt("{} has {} elements in {} bytes", kMergesKey, count, merges.value_.bytes.size());
  }
  merges.pairs_.reserve(static_cast<size_t>(count));
  merges.index_ = FlatIndex(static_cast<size_t>(count));
  ByteReader in(merges.value_.bytes);
  for (uint64_t i = 0; i < count; ++i) {
    TRY_LET(const uint64_t n_bytes, within(kMergesKey, in.number<uint64_t>()));
    TRY_LET(const std::string_view text, within(kMergesKey, in.text(n_bytes)));
    if (text.size() > UINT32_MAX) return corrupt("{}[{}] is too long", kMergesKey, i);
    const size_t space = text.find(' ', 1);
    const size_t left = space == std::string_view::npos ? 0 : space;
    const size_t right = space == std::string_view::npos ? 0 : text.size() - space - 1;
    // Keeps its place in the order even where it names no pair.
    merges.pairs_.push_back(
        {text.data(), static_cast<uint32_t>(left), static_cast<uint32_t>(right)});
    if (left == 0 || right == 0) continue;
    const Pair& pair = merges.pairs_.back();
    const uint64_t hash = pair_hash(hash_bytes(pair.left()), hash_bytes(pair.right()));
    const auto added = merges.index_.add(hash, static_cast<uint32_t>(i), [&](uint32_t k) {
      const Pair& other = merges.pairs_[k];
      return other.left() == pair.left() && other.right() == pair.right();
    });
    if (added == FlatIndex::Added::kCrowded) {
      return corrupt("{}: pairs were made to collide", kMergesKey);
    }
  }
  return merges;
}

uint32_t Merges::rank(std::string_view left, uint64_t left_hash, std::string_view right,
                      uint64_t right_hash) const {
  return index_.find(pair_hash(left_hash, right_hash), [&](uint32_t k) {
    return pairs_[k].left() == left && pairs_[k].right() == right;
  });
}

Result<Bpe> Bpe::make(const file::Metadata& metadata, const PreTokenizer& pre, const Vocab& vocab) {
  Bpe bpe(pre);
  TRY_LET(bpe.merges_, Merges::read(metadata));
  for (size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    bpe.byte_ids_[b] = pre.is_raw_utf8 ? vocab.find_byte(static_cast<uint8_t>(b))
                                       : vocab.find(std::string_view(&byte, 1));
  }
  return bpe;
}

// One call of encode: the words of one text.
class Bpe::Merger {
 public:
  Merger(const Bpe& bpe, const Vocab& vocab, std::vector<TokenId>& out)
      : bpe_(bpe), vocab_(vocab), out_(out) {}

  void add_word(std::string_view word) {
    if (bpe_.pre_->is_raw_utf8) return add_raw_word(word);
    encoded_.clear();
    for (const char c : word) encoded_ += byte_character(static_cast<uint8_t>(c));
    if (bpe_.pre_->whole_words_first && take_whole(encoded_)) return;
    const auto& hashes = byte_character_hashes();
    uint32_t begin = 0;
    queue_.clear();
    for (const char c : word) {
      const uint8_t byte = static_cast<uint8_t>(c);
      const uint32_t n_bytes = kAlphabet.n_bytes[byte];
      queue_.add_symbol(begin, n_bytes, hashes[byte]);
      begin += n_bytes;
    }
    merge(encoded_);
  }

 private:
  void add_raw_word(std::string_view word) {
    const bool newlines = bpe_.pre_->newline_words && word.front() == '\n';
    if ((newlines || bpe_.pre_->whole_words_first) && take_whole(word)) return;
    queue_.clear();
    for (size_t i = 0; i < word.size();) {
      const size_t n = std::min(utf8_length(word[i]), word.size() - i);
      queue_.add_symbol(static_cast<uint32_t>(i), static_cast<uint32_t>(n),
                        hash_bytes(word.substr(i, n)));
      i += n;
    }
    merge(word);
  }

  bool take_whole(std::string_view word) {
    if (word.size() > vocab_.longest_text_bytes()) return false;
    const TokenId id = vocab_.find(word);
    if (id == kNoToken) return false;
    out_.push_back(id);
    return true;
  }

  void offer(std::string_view word, uint32_t left, uint32_t right) {
    if (left == Symbol::kEnd || right == Symbol::kEnd) return;
    const Symbol& a = queue_.symbols()[left];
    const Symbol& b = queue_.symbols()[right];
    const uint32_t rank = bpe_.merges_.rank(word.substr(a.begin, a.n_bytes), a.hash,
                                            word.substr(b.begin, b.n_bytes), b.hash);
    if (rank != Merges::kNone) queue_.push(rank, left, right);
  }

  void merge(std::string_view word) {
    std::vector<Symbol>& symbols = queue_.symbols();
    for (uint32_t i = 1; i < symbols.size(); ++i) offer(word, i - 1, i);
    queue_.run([&](uint32_t grown) {
      Symbol& symbol = symbols[grown];
      symbol.hash = hash_bytes(word.substr(symbol.begin, symbol.n_bytes));
      offer(word, symbol.prev, grown);
      offer(word, grown, symbol.next);
    });
    for (uint32_t i = 0; i != Symbol::kEnd; i = symbols[i].next) {
      emit(word.substr(symbols[i].begin, symbols[i].n_bytes), symbols[i].hash);
    }
  }

  void emit(std::string_view text, uint64_t hash) {
    const TokenId id = vocab_.find(text, hash);
    if (id != kNoToken) return out_.push_back(id);
    for (const char c : text) {
      const TokenId byte_id = bpe_.byte_ids_[static_cast<uint8_t>(c)];
      if (byte_id != kNoToken) out_.push_back(byte_id);
    }
  }

  const Bpe& bpe_;
  const Vocab& vocab_;
  std::vector<TokenId>& out_;
  MergeQueue<uint32_t> queue_;
  std::string encoded_;
};

void Bpe::encode(std::string_view text, const Vocab& vocab, std::vector<TokenId>& out) const {
  std::string marked;
  if (pre_->is_raw_utf8) {
    for (const char c : text) {
      c == ' ' ? marked += kSpaceMark : marked += c;
    }
    text = marked;
  }
  std::string rewritten;
  const Characters characters = make_characters(text, *pre_->scheme, rewritten);
  if (!rewritten.empty()) text = rewritten;
  Merger merger(*this, vocab, out);
  size_t begin = 0;
  for (const size_t end : split_words(characters, *pre_->scheme)) {
    const size_t first = characters.begin[begin];
    size_t n_bytes = characters.begin[end] - first;
    for (size_t at = first; n_bytes > 0;) {
      // A byte may become two characters of the alphabet.
      const size_t piece = std::min(n_bytes, kMaxPieceBytes / 2);
      merger.add_word(text.substr(at, piece));
      at += piece;
      n_bytes -= piece;
    }
    begin = end;
  }
}

std::bitset<256> Bpe::missing_bytes(const Vocab& vocab) const {
  std::bitset<256> missing;
  for (size_t b = 0; b < 256; ++b) {
    const TokenId id =
        pre_->is_raw_utf8 ? byte_ids_[b] : vocab.find(byte_character(static_cast<uint8_t>(b)));
    missing.set(b, id == kNoToken);
  }
  return missing;
}

}  // namespace hearth::text

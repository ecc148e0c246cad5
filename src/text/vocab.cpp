// SPDX-License-Identifier: MIT
#include "text/vocab.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/byte_reader.h"

namespace hearth::text {
namespace {

using file::Metadata;
using file::MetaType;
using file::MetaValue;

constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
constexpr std::string_view kScoresKey = "tokenizer.ggml.scores";
constexpr std::string_view kTypesKey = "tokenizer.ggml.token_type";
// Ids are int32; also bounds what a vocabulary may cost before its bytes are counted.
constexpr uint64_t kMaxTokens = 1 << 26;

const MetaValue* find_array(const Metadata& metadata, std::string_view key) {
  const auto entry = metadata.entries().find(key);
  if (entry == metadata.entries().end() || entry->second.type != MetaType::kArray) return nullptr;
  return &entry->second;
}

template <class T>
T element(const MetaValue& array, size_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

// Token types as the specification numbers them.
uint16_t kind_of_type(int32_t type) {
  switch (type) {
    case 1:
      return kNormalToken;
    case 2:
      return kUnknownToken;
    case 3:
      return kControlToken;
    case 4:
      return kUserDefinedToken;
    case 5:
      return kUnusedToken;
    case 6:
      return kByteToken;
    default:
      return kUndefinedToken;
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

int byte_of_token_text(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const int high = hex_digit(text[3]);
  const int low = hex_digit(text[4]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

Result<Vocab> Vocab::read(const Metadata& metadata) {
  Vocab vocab;
  TRY(vocab.read_texts(metadata));
  TRY(vocab.read_scores(metadata));
  TRY(vocab.read_kinds(metadata));
  TRY(vocab.build_index());
  return vocab;
}

Status Vocab::read_texts(const Metadata& metadata) {
  const MetaValue* array = find_array(metadata, kTokensKey);
  if (array == nullptr || array->element_type != MetaType::kString) {
    return corrupt("{} is missing or not an array of strings", kTokensKey);
  }
  // Each element has at least its length of 8 bytes, so a wrong count cannot reserve much.
  if (array->count > kMaxTokens || array->count > array->bytes.size() / 8 || array->count == 0) {
    return corrupt("{} has {} elements in {} bytes", kTokensKey, array->count, array->bytes.size());
  }
  tokens_value_ = *array;
  texts_.reserve(static_cast<size_t>(array->count));
  ByteReader in(tokens_value_.bytes);
  for (uint64_t i = 0; i < array->count; ++i) {
    TRY_LET(const uint64_t n_bytes, within(kTokensKey, in.number<uint64_t>()));
    TRY_LET(std::string_view text, within(kTokensKey, in.text(n_bytes)));
    // Other readers hold token texts as C strings: what follows a NUL has never been part of one.
    text = text.substr(0, text.find('\0'));
    if (text.empty()) {
      made_texts_.push_back(fmt::format("[EMPTY_{}]", i));
      text = made_texts_.back();
    }
    longest_text_bytes_ = std::max(longest_text_bytes_, text.size());
    texts_.push_back(text);
  }
  return {};
}

Status Vocab::read_scores(const Metadata& metadata) {
  const MetaValue* array = find_array(metadata, kScoresKey);
  if (array == nullptr) return {};
  const bool is_float = array->element_type == MetaType::kF32;
  if (!is_float && array->element_type != MetaType::kI32) {
    return corrupt("{} is not an array of 32-bit numbers", kScoresKey);
  }
  if (array->count < size() || array->bytes.size() / 4 < size()) {
    return corrupt("{} has {} elements for {} tokens", kScoresKey, array->count, size());
  }
  scores_.resize(size());
  for (size_t i = 0; i < size(); ++i) {
    scores_[i] =
        is_float ? element<float>(*array, i) : static_cast<float>(element<int32_t>(*array, i));
    if (std::isnan(scores_[i])) return corrupt("{}[{}] is not a number", kScoresKey, i);
  }
  return {};
}

Status Vocab::read_kinds(const Metadata& metadata) {
  kinds_.assign(size(), kNormalToken);
  const MetaValue* array = find_array(metadata, kTypesKey);
  if (array == nullptr) return {};
  if (array->element_type != MetaType::kI32 && array->element_type != MetaType::kU32) {
    return corrupt("{} is not an array of 32-bit integers", kTypesKey);
  }
  if (array->count < size() || array->bytes.size() / 4 < size()) {
    return corrupt("{} has {} elements for {} tokens", kTypesKey, array->count, size());
  }
  for (size_t i = 0; i < size(); ++i) kinds_[i] = kind_of_type(element<int32_t>(*array, i));
  return {};
}

Status Vocab::build_index() {
  index_ = FlatIndex(size());
  for (size_t i = 0; i < size(); ++i) {
    const std::string_view text = texts_[i];
    uint32_t other = 0;
    const auto added = index_.add(hash_bytes(text), static_cast<uint32_t>(i), [&](uint32_t k) {
      other = k;
      return texts_[k] == text;
    });
    if (added == FlatIndex::Added::kOld) {
      return corrupt("{}[{}] repeats the text of token {}", kTokensKey, i, other);
    }
    if (added == FlatIndex::Added::kCrowded) {
      return corrupt("{}: texts were made to collide", kTokensKey);
    }
  }
  return {};
}

TokenId Vocab::find_byte(uint8_t byte) const {
  constexpr char kHex[] = "0123456789ABCDEF";
  const char text[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
  return find(std::string_view(text, sizeof(text)));
}

}  // namespace hearth::text

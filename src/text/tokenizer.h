// SPDX-License-Identifier: MIT
// Text to token ids and back, as a model file's metadata describes it: byte-level BPE (model
// "gpt2"), SentencePiece BPE ("llama"), raw-UTF-8 BPE ("gemma4"), WordPiece ("bert").
// Ids are equal to llama.cpp's for every text, valid UTF-8 or not. Encoding takes time in
// O(n log n) of the text's length, whatever the text.
// Thread rule: immutable after make(); shared by any number of threads.
#pragma once
#include <bitset>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "file/metadata.h"
#include "text/bpe.h"
#include "text/special_ids.h"
#include "text/special_partition.h"
#include "text/spm.h"
#include "text/vocab.h"
#include "text/wordpiece.h"

namespace hearth::text {

struct EncodeOptions {
  bool add_special = true;    // BOS, EOS, CLS, SEP as the model asks
  bool parse_special = true;  // "<|im_end|>" in the text is the token; false: plain characters
  // What Tokenizer::shielded put into parts of the text: taken out once special tokens were found.
  std::string_view shield = {};
};

struct DecodeOptions {
  bool show_special = false;       // control tokens as their text; false: as nothing
  bool strip_space_prefix = true;  // drop the space that encode put in front
};

class Tokenizer {
 public:
  // Borrows what `metadata` borrows: the mapped file must outlive the tokenizer. Errors name the
  // key; an unknown model or pre-tokenizer is an error that says its name.
  static Result<std::unique_ptr<Tokenizer>> make(const file::Metadata& metadata);

  // Control tokens that a user's text spells are only tokens where `parse_special` is true: pass
  // false for text that nobody vouches for.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;
  // `text` with `shield` in every control token that it spells, so that it stays plain characters
  // inside of a text that is encoded with special tokens and the same shield. With `joined`, also
  // where it ends with a begin of one, as something may be joined to it. `shield`: characters that
  // are not in the text.
  std::string shielded(std::string_view text, std::string_view shield, bool joined) const;
  // True where encode drops a byte of `text` for which the vocabulary has no token, as the
  // vocabulary of SmolLM2 for some control characters. Whoever takes text from people should say
  // so.
  bool loses_bytes_of(std::string_view text) const;
  // The bytes of many tokens; ids beyond the vocabulary give nothing. May end inside a character.
  std::string decode(std::span<const TokenId> ids, const DecodeOptions& options = {}) const;

  // Appends the bytes of one token: may be part of a character only. See StreamDecoder for text.
  void append_piece(TokenId id, bool show_special, std::string& out) const;
  std::string piece(TokenId id, bool show_special) const;

  size_t n_vocab() const { return vocab_.size(); }
  bool contains(int64_t id) const { return vocab_.contains(id); }
  // As in the file; need contains(id).
  std::string_view token_text(TokenId id) const { return vocab_.text(id); }
  float token_score(TokenId id) const { return vocab_.score(id); }
  uint16_t token_kinds(TokenId id) const { return vocab_.kinds(id); }  // bits of TokenKind
  bool is_control(TokenId id) const { return vocab_.is(id, kControlToken); }
  // The token with exactly this text as in the file ("<|im_end|>"), or kNoToken.
  TokenId find_token(std::string_view text) const { return vocab_.find(text); }

  const SpecialIds& special() const { return special_; }
  TokenId bos() const { return special_.bos; }
  TokenId eos() const { return special_.eos; }
  TokenId eot() const { return special_.eot; }
  bool adds_bos() const { return add_bos_; }
  bool adds_eos() const { return add_eos_; }
  // True where `id` ends an answer: end of text, of turn, of message.
  bool is_end_of_generation(TokenId id) const;

  std::string_view model_name() const { return model_name_; }        // "gpt2"
  std::string_view pre_tokenizer_name() const { return pre_name_; }  // empty: has none
  // What is odd about the vocabulary and was worked around; for the log and `hearth show`.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Tokenizer() = default;
  Status make_model(const file::Metadata& metadata);
  Status make_bpe(const file::Metadata& metadata);
  Status make_spm(const file::Metadata& metadata);
  Status make_wordpiece(const file::Metadata& metadata);
  void read_flags(const file::Metadata& metadata);
  void encode_fragments(std::span<const Fragment> fragments, std::vector<TokenId>& out) const;
  void encode_spm(const Spm& spm, std::span<const Fragment> fragments,
                  std::vector<TokenId>& out) const;
  void append_byte_level(std::string_view text, std::string& out) const;

  Vocab vocab_;
  SpecialIds special_;
  SpecialPartition partition_;
  std::variant<std::monostate, Bpe, Spm, WordPiece> model_;
  bool add_bos_ = false;
  bool add_eos_ = false;
  bool add_space_prefix_ = false;
  std::bitset<256> missing_bytes_;  // that no token stands for
  bool marks_spaces_ = false;       // U+2581 in token texts is a space
  std::string model_name_;
  std::string pre_name_;
  std::vector<std::string> warnings_;
};

}  // namespace hearth::text

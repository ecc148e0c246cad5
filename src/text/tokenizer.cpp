// SPDX-License-Identifier: MIT
#include "text/tokenizer.h"

#include <algorithm>
#include <deque>

#include "base/quote.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

constexpr uint16_t kHidden = kControlToken | kUnknownToken;

void append_with_spaces(std::string_view text, std::string& out) {
  for (size_t at = 0;;) {
    const size_t mark = text.find(kSpaceMark, at);
    out += text.substr(at, mark - at);
    if (mark == std::string_view::npos) return;
    out += ' ';
    at = mark + kSpaceMark.size();
  }
}

std::string without(std::string_view text, std::string_view part) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t found = text.find(part, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    at = found + part.size();
  }
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::make(const file::Metadata& metadata) {
  std::unique_ptr<Tokenizer> made(new Tokenizer);
  TRY_LET(made->vocab_, Vocab::read(metadata));
  TRY(made->make_model(metadata));
  made->partition_ = SpecialPartition(made->vocab_);
  return made;
}

Status Tokenizer::make_model(const file::Metadata& metadata) {
  const auto name = metadata.text("tokenizer.ggml.model");
  if (!name) return corrupt("tokenizer.ggml.model is missing");
  model_name_ = *name;
  if (*name == "gpt2" || *name == "gemma4") return make_bpe(metadata);
  if (*name == "llama") return make_spm(metadata);
  if (*name == "bert") return make_wordpiece(metadata);
  if (*name == "t5") {
    return with_hint(unsupported("tokenizer model 't5' (tokenizer.ggml.model) is a unigram "
                                 "tokenizer, as T5's and XLM-RoBERTa's"),
                     "hearth has none yet: use a model with another tokenizer, such as a reranker "
                     "or embedding model of BERT's type");
  }
  return with_hint(unsupported("tokenizer model {} (tokenizer.ggml.model)", quote(*name)),
                   "hearth knows gpt2, llama, bert and gemma4");
}

Status Tokenizer::make_bpe(const file::Metadata& metadata) {
  const bool is_gemma4 = model_name_ == "gemma4";
  pre_name_ = is_gemma4 ? "gemma4" : metadata.text("tokenizer.ggml.pre").value_or("");
  if (pre_name_.empty()) {
    pre_name_ = "default";
    warnings_.emplace_back(
        "the file names no pre-tokenizer (tokenizer.ggml.pre): 'default' is used, which may cut "
        "text into wrong tokens");
  }
  TRY_LET(const PreTokenizer* pre, find_pre_tokenizer(pre_name_));
  SpecialIds defaults;
  if (!is_gemma4) {
    defaults.bos = pre->has_no_default_bos ? kNoToken : 11;  // <|endoftext|> of old files
    defaults.eos = 11;
  }
  special_ = find_special_ids(metadata, defaults, vocab_);
  add_bos_ = pre->adds_bos;
  marks_spaces_ = pre->is_raw_utf8;
  read_flags(metadata);
  if (pre->always_bos && !add_bos_) {
    add_bos_ = special_.bos != kNoToken;
    warnings_.emplace_back("tokenizer.ggml.add_bos_token is off; the family needs it: on");
  }
  TRY_LET(Bpe bpe, Bpe::make(metadata, *pre, vocab_));
  missing_bytes_ = bpe.missing_bytes(vocab_);
  model_ = std::move(bpe);
  return {};
}

Status Tokenizer::make_spm(const file::Metadata& metadata) {
  SpecialIds defaults;
  defaults.bos = 1;
  defaults.eos = 2;
  defaults.unknown = 0;  // in every vocabulary, as none is empty
  special_ = find_special_ids(metadata, defaults, vocab_);
  add_bos_ = true;
  add_space_prefix_ = true;
  marks_spaces_ = true;
  read_flags(metadata);
  model_ = Spm(vocab_, special_.unknown);
  return {};
}

Status Tokenizer::make_wordpiece(const file::Metadata& metadata) {
  SpecialIds defaults;
  defaults.bos = 101;
  defaults.unknown = 100;
  defaults.separator = 102;
  defaults.padding = 0;
  defaults.mask = 103;
  special_ = find_special_ids(metadata, defaults, vocab_);
  marks_spaces_ = true;
  read_flags(metadata);
  add_bos_ = special_.bos != kNoToken;
  WordPieceOptions options;
  options.lower_case = metadata.boolean("tokenizer.ggml.normalizer.lowercase").value_or(true);
  options.strip_accents =
      metadata.boolean("tokenizer.ggml.normalizer.strip_accents").value_or(options.lower_case);
  options.unknown = special_.unknown;
  TRY_LET(model_, WordPiece::make(vocab_, options));
  return {};
}

void Tokenizer::read_flags(const file::Metadata& metadata) {
  add_bos_ = metadata.boolean("tokenizer.ggml.add_bos_token").value_or(add_bos_);
  add_eos_ = metadata.boolean("tokenizer.ggml.add_eos_token").value_or(add_eos_);
  add_space_prefix_ =
      metadata.boolean("tokenizer.ggml.add_space_prefix").value_or(add_space_prefix_);
  const auto need = [&](bool& flag, TokenId id, std::string_view what) {
    if (!flag || id != kNoToken) return;
    flag = false;
    warnings_.push_back(fmt::format("the model asks for {} but has no such token", what));
  };
  need(add_bos_, special_.bos, "BOS");
  need(add_eos_, special_.eos, "EOS");
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> out;
  std::vector<Fragment> fragments = partition_.split(text, options.parse_special, vocab_);
  std::deque<std::string> cleaned;  // what fragments borrow
  for (Fragment& fragment : fragments) {
    if (options.shield.empty() || fragment.id != kNoToken) continue;
    if (fragment.text.find(options.shield) == std::string_view::npos) continue;
    fragment.text = cleaned.emplace_back(without(fragment.text, options.shield));
  }
  std::erase_if(fragments, [](const Fragment& fragment) { return fragment.text.empty(); });
  if (options.add_special && add_bos_) out.push_back(special_.bos);
  encode_fragments(fragments, out);
  if (!options.add_special) return out;
  if (std::holds_alternative<WordPiece>(model_)) {
    if (special_.separator != kNoToken) out.push_back(special_.separator);
  } else if (add_eos_) {
    out.push_back(special_.eos);
  }
  return out;
}

void Tokenizer::encode_fragments(std::span<const Fragment> fragments,
                                 std::vector<TokenId>& out) const {
  if (const Spm* spm = std::get_if<Spm>(&model_)) return encode_spm(*spm, fragments, out);
  for (const Fragment& fragment : fragments) {
    if (fragment.id != kNoToken) {
      out.push_back(fragment.id);
    } else if (const Bpe* bpe = std::get_if<Bpe>(&model_)) {
      bpe->encode(fragment.text, vocab_, out);
    } else {
      std::get<WordPiece>(model_).encode(fragment.text, vocab_, out);
    }
  }
}

std::string Tokenizer::shielded(std::string_view text, std::string_view shield, bool joined) const {
  std::string out;
  for (const Fragment& fragment : partition_.split(text, true, vocab_)) {
    if (fragment.id == kNoToken || vocab_.is(fragment.id, kUserDefinedToken)) {
      out += fragment.text;
      continue;
    }
    // Around each character, so that no other token that overlaps with this one is left either.
    out += shield;
    for (size_t i = 0; i < fragment.text.size();) {
      const size_t n = decode_utf8(fragment.text, i).bytes;
      out += fragment.text.substr(i, n);
      out += shield;
      i += n;
    }
  }
  if (joined && partition_.ends_inside_control(out, vocab_)) out += shield;
  return out;
}

void Tokenizer::encode_spm(const Spm& spm, std::span<const Fragment> fragments,
                           std::vector<TokenId>& out) const {
  bool after_special = true;  // also at the very start
  std::string marked;
  for (const Fragment& fragment : fragments) {
    if (fragment.id != kNoToken) {
      out.push_back(fragment.id);
      after_special = true;
      continue;
    }
    marked.clear();
    if (add_space_prefix_ && after_special) marked += kSpaceMark;
    for (const char c : fragment.text) {
      c == ' ' ? marked += kSpaceMark : marked += c;
    }
    spm.encode(marked, vocab_, out);
    after_special = false;
  }
}

void Tokenizer::append_byte_level(std::string_view text, std::string& out) const {
  for (size_t i = 0; i < text.size();) {
    const Decoded next = decode_utf8(text, i);
    const int byte = next.valid ? byte_of_character(next.code) : -1;
    if (byte >= 0) {
      out += static_cast<char>(byte);
    } else {
      out += text.substr(i, next.bytes);  // no character of the alphabet: stands for itself
    }
    i += next.bytes;
  }
}

void Tokenizer::append_piece(TokenId id, bool show_special, std::string& out) const {
  if (!vocab_.contains(id)) return;
  const std::string_view text = vocab_.text(id);
  if (vocab_.is(id, kHidden)) {
    if (show_special) out += text;
  } else if (vocab_.is(id, kUserDefinedToken)) {
    out += text;
  } else if (vocab_.is(id, kNormalToken)) {
    marks_spaces_ ? append_with_spaces(text, out) : append_byte_level(text, out);
  } else if (vocab_.is(id, kByteToken)) {
    const int byte = byte_of_token_text(text);
    if (byte >= 0) out += static_cast<char>(byte);
  }
}

std::string Tokenizer::piece(TokenId id, bool show_special) const {
  std::string out;
  append_piece(id, show_special, out);
  return out;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
  std::string out;
  bool strip = options.strip_space_prefix && add_space_prefix_;
  if (strip && add_bos_ && !ids.empty() && ids.front() == special_.bos) {
    append_piece(ids.front(), options.show_special, out);
    ids = ids.subspan(1);
  }
  for (const TokenId id : ids) {
    const size_t before = out.size();
    append_piece(id, options.show_special, out);
    if (strip && out.size() > before && out[before] == ' ') out.erase(before, 1);
    strip = false;
  }
  return out;
}

bool Tokenizer::loses_bytes_of(std::string_view text) const {
  if (missing_bytes_.none()) return false;
  return std::any_of(text.begin(), text.end(),
                     [&](char c) { return missing_bytes_.test(static_cast<uint8_t>(c)); });
}

bool Tokenizer::is_end_of_generation(TokenId id) const {
  return std::binary_search(special_.end_of_generation.begin(), special_.end_of_generation.end(),
                            id);
}

}  // namespace hearth::text

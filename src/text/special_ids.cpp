// SPDX-License-Identifier: MIT
#include "text/special_ids.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/ascii.h"

namespace hearth::text {
namespace {

using Texts = std::span<const std::string_view>;

constexpr std::string_view kEndOfTurn[] = {"<|eot_id|>",
                                           "<|im_end|>",
                                           "<|end|>",
                                           "<end_of_turn>",
                                           "<|endoftext|>",
                                           "<|end_of_text|>",
                                           "<EOT>",
                                           "_<EOT>",
                                           "[EOT]",
                                           "<\xEF\xBD\x9C"
                                           "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
                                           "<end_of_utterance>"};
constexpr std::string_view kEndOfMessage[] = {"<|eom_id|>"};
constexpr std::string_view kFimPrefix[] = {"<|fim_prefix|>",
                                           "<fim-prefix>",
                                           "<fim_prefix>",
                                           "<\xEF\xBD\x9C"
                                           "fim\xE2\x96\x81"
                                           "begin\xEF\xBD\x9C>",
                                           "<PRE>",
                                           "\xE2\x96\x81<PRE>",
                                           "<|code_prefix|>",
                                           "<|prefix|>"};
constexpr std::string_view kFimSuffix[] = {"<|fim_suffix|>",
                                           "<fim-suffix>",
                                           "<fim_suffix>",
                                           "<\xEF\xBD\x9C"
                                           "fim\xE2\x96\x81hole\xEF\xBD\x9C>",
                                           "<SUF>",
                                           "\xE2\x96\x81<SUF>",
                                           "<|code_suffix|>",
                                           "<|suffix|>"};
constexpr std::string_view kFimMiddle[] = {"<|fim_middle|>",
                                           "<fim-middle>",
                                           "<fim_middle>",
                                           "<\xEF\xBD\x9C"
                                           "fim\xE2\x96\x81"
                                           "end\xEF\xBD\x9C>",
                                           "<MID>",
                                           "\xE2\x96\x81<MID>",
                                           "<|code_middle|>",
                                           "<|middle|>"};
constexpr std::string_view kFimPadding[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>",
                                            "[PAD]"};
constexpr std::string_view kFimRepository[] = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
                                               "<REPO>", "<reponame>"};
constexpr std::string_view kFimFile[] = {"<|file_sep|>"};

constexpr std::string_view kEndOfGeneration[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\xEF\xBD\x9C"
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
    "[e~["};

// Tokens of the harmony format: shown, and found in plain text too.
constexpr std::string_view kAlwaysShown[] = {"<|channel|>", "<|message|>", "<|start|>",
                                             "<|constrain|>"};

struct Role {
  std::string_view key;
  TokenId SpecialIds::*id;
  Texts texts;  // searched in this order where the file has no key
};

constexpr Role kRoles[] = {
    {"tokenizer.ggml.bos_token_id", &SpecialIds::bos, {}},
    {"tokenizer.ggml.eos_token_id", &SpecialIds::eos, {}},
    {"tokenizer.ggml.eot_token_id", &SpecialIds::eot, kEndOfTurn},
    {"tokenizer.ggml.eom_token_id", &SpecialIds::eom, kEndOfMessage},
    {"tokenizer.ggml.unknown_token_id", &SpecialIds::unknown, {}},
    {"tokenizer.ggml.seperator_token_id", &SpecialIds::separator, {}},
    {"tokenizer.ggml.padding_token_id", &SpecialIds::padding, {}},
    {"tokenizer.ggml.mask_token_id", &SpecialIds::mask, {}},
    {"tokenizer.ggml.fim_pre_token_id", &SpecialIds::fim_prefix, {}},
    {"tokenizer.ggml.fim_suf_token_id", &SpecialIds::fim_suffix, {}},
    {"tokenizer.ggml.fim_mid_token_id", &SpecialIds::fim_middle, {}},
    {"tokenizer.ggml.fim_pad_token_id", &SpecialIds::fim_padding, kFimPadding},
    {"tokenizer.ggml.fim_rep_token_id", &SpecialIds::fim_repository, kFimRepository},
    {"tokenizer.ggml.fim_sep_token_id", &SpecialIds::fim_file, kFimFile},
    // older files
    {"tokenizer.ggml.prefix_token_id", &SpecialIds::fim_prefix, kFimPrefix},
    {"tokenizer.ggml.suffix_token_id", &SpecialIds::fim_suffix, kFimSuffix},
    {"tokenizer.ggml.middle_token_id", &SpecialIds::fim_middle, kFimMiddle},
};

void add_kind(Vocab& vocab, TokenId id, uint16_t kind) {
  vocab.set_kinds(id, vocab.kinds(id) | kind);
}

void read_keys(const file::Metadata& metadata, const Vocab& vocab, SpecialIds& ids) {
  for (const Role& role : kRoles) {
    TokenId& id = ids.*role.id;
    if (!vocab.contains(id)) id = kNoToken;
    const auto value = metadata.integer(role.key);
    if (value && vocab.contains(*value)) id = static_cast<TokenId>(*value);
  }
}

void search_texts(Vocab& vocab, SpecialIds& ids) {
  for (const Role& role : kRoles) {
    TokenId& id = ids.*role.id;
    for (size_t i = 0; i < role.texts.size() && id == kNoToken; ++i) {
      id = vocab.find(role.texts[i]);
      if (id != kNoToken) add_kind(vocab, id, kControlToken);
    }
  }
}

class EndSet {
 public:
  explicit EndSet(Vocab& vocab) : vocab_(vocab) {}
  void add(TokenId id) {
    if (id != kNoToken) ids_.push_back(id);
  }
  bool has(std::string_view text) const {
    const TokenId id = vocab_.find(text);
    return id != kNoToken && std::find(ids_.begin(), ids_.end(), id) != ids_.end();
  }
  void remove(std::string_view text, uint16_t new_kinds) {
    const TokenId id = vocab_.find(text);
    std::erase(ids_, id);
    vocab_.set_kinds(id, new_kinds);
  }
  std::vector<TokenId> sorted() && {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    return std::move(ids_);
  }

 private:
  Vocab& vocab_;
  std::vector<TokenId> ids_;
};

std::vector<TokenId> find_ends(Vocab& vocab, const SpecialIds& ids) {
  EndSet ends(vocab);
  for (const TokenId id : {ids.fim_padding, ids.fim_repository, ids.fim_file}) ends.add(id);
  for (const std::string_view text : kEndOfGeneration) {
    const TokenId id = vocab.find(text);
    if (id == kNoToken) continue;
    ends.add(id);
    add_kind(vocab, id, kControlToken);
  }
  for (const std::string_view text : kAlwaysShown) {
    const TokenId id = vocab.find(text);
    if (id != kNoToken) vocab.set_kinds(id, kUserDefinedToken);
  }
  for (const TokenId id : {ids.eos, ids.eot, ids.eom}) ends.add(id);
  // Where turns end with <|return|> or <|call|>, <|end|> only closes a message inside one.
  const bool calls = ends.has("<|call|>") || ends.has("<|calls|>");
  if (calls && (ends.has("<|return|>") || ends.has("<|flush|>")) && ends.has("<|end|>")) {
    ends.remove("<|end|>", kUserDefinedToken);
  }
  // Where these tokens exist, </s> is HTML's strike-through.
  if ((ends.has("<|tool_response>") || ends.has("<|plamo:eos|>")) && ends.has("</s>")) {
    ends.remove("</s>", kNormalToken);
  }
  return std::move(ends).sorted();
}

void set_space_habits(const file::Metadata& metadata, Vocab& vocab) {
  const std::string_view pre = metadata.text("tokenizer.ggml.pre").value_or("");
  const std::string_view arch = metadata.text("general.architecture").value_or("");
  const std::string name = lowered(metadata.text("general.name").value_or(""));
  const auto named = [](std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  const auto change = [&](std::string_view text, uint16_t add, uint16_t drop) {
    const TokenId id = vocab.find(text);
    if (id == kNoToken) return;
    vocab.set_kinds(id, static_cast<uint16_t>((vocab.kinds(id) | add) & ~drop));
  };
  if (named(pre, "jina-v2-de") || named(pre, "jina-v2-es") || named(pre, "jina-v2-code") ||
      named(arch, "nomic-bert-moe") || named(arch, "jina-bert-v3")) {
    change("<mask>", kEatsSpaceBefore, 0);
  } else if (named(name, "phi-3") || named(name, "phi3")) {
    for (size_t i = 0; i < vocab.size(); ++i) {
      const TokenId id = static_cast<TokenId>(i);
      if (vocab.is(id, kControlToken | kUserDefinedToken | kUnknownToken)) {
        add_kind(vocab, id, kEatsSpaceAfter);
      }
    }
    change("</s>", kEatsSpaceAfter, 0);
    for (const std::string_view text : {"<unk>", "<s>", "<|endoftext|>"}) {
      change(text, 0, kEatsSpaceAfter);
    }
  } else if (named(name, "modern-bert")) {
    change("[MASK]", kEatsSpaceBefore, 0);
  }
}

}  // namespace

SpecialIds find_special_ids(const file::Metadata& metadata, const SpecialIds& defaults,
                            Vocab& vocab) {
  SpecialIds ids = defaults;
  read_keys(metadata, vocab, ids);
  search_texts(vocab, ids);
  ids.end_of_generation = find_ends(vocab, ids);
  set_space_habits(metadata, vocab);
  return ids;
}

}  // namespace hearth::text

// SPDX-License-Identifier: MIT
// The ids with a role: begin, end, end of turn, unknown, fill-in-the-middle, and the set that ends
// a generation. From the metadata's keys; where files leave them out, by the texts that model
// families use. Corrects the kinds of tokens that files mark wrong.
// Source: the GGUF specification; the texts are facts of the published vocabularies.
#pragma once
#include <vector>

#include "base/result.h"
#include "file/metadata.h"
#include "text/vocab.h"

namespace hearth::text {

struct SpecialIds {
  TokenId bos = kNoToken;
  TokenId eos = kNoToken;
  TokenId eot = kNoToken;  // end of turn
  TokenId eom = kNoToken;  // end of message, before a tool's answer
  TokenId unknown = kNoToken;
  TokenId separator = kNoToken;
  TokenId padding = kNoToken;
  TokenId mask = kNoToken;
  TokenId fim_prefix = kNoToken;
  TokenId fim_suffix = kNoToken;
  TokenId fim_middle = kNoToken;
  TokenId fim_padding = kNoToken;
  TokenId fim_repository = kNoToken;
  TokenId fim_file = kNoToken;
  std::vector<TokenId> end_of_generation;  // sorted
};

// `defaults` are the tokenizer family's; ids beyond the vocabulary are dropped. Changes the kinds
// of tokens in `vocab`.
SpecialIds find_special_ids(const file::Metadata& metadata, const SpecialIds& defaults,
                            Vocab& vocab);

}  // namespace hearth::text

// SPDX-License-Identifier: MIT
// A document's score against a query, by a cross-encoder: both go through the model together,
//   [CLS] query [SEP] document [SEP]
// and its head gives one number, the raw logit. Source: Nogueira and Cho 2019, arXiv:1901.04085.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "text/tokenizer.h"

namespace hearth::engine {

// Whether the model scores pairs of texts; it then gives no vectors.
bool is_reranker(const Engine& engine);

// Of an encoder: what it is and what to ask it for, "a reranker: …", for errors of those that
// write.
std::string_view encoder_words(const Engine& engine);
std::string_view encoder_hint(const Engine& engine);

// What a query brings to each of its pairs; made once for all documents.
struct QueryPart {
  std::vector<int32_t> tokens;  // all that comes before a document
  int32_t end = 0;              // the token after it
  size_t pair_size(size_t n_document) const { return tokens.size() + n_document + 1; }
};

// Errors: the vocabulary has no tokens to join texts with.
Result<QueryPart> query_part(const text::Tokenizer& tokenizer, std::string_view query);

// The tokens of a document: without marks, those belong to the pair.
std::vector<int32_t> document_part(const text::Tokenizer& tokenizer, std::string_view document);

// A pair as the model takes it.
struct Pair {
  std::vector<int32_t> tokens;
  std::vector<int32_t> segments;  // 0: the query's part, 1: the document's
};
// n_types: of the model's segments; with fewer than 2 all are 0.
Pair join(const QueryPart& query, std::span<const int32_t> document, int n_types);

// Errors: not a reranker, too many tokens for the model.
Result<float> score(Engine& engine, const QueryPart& query, std::span<const int32_t> document);

}  // namespace hearth::engine

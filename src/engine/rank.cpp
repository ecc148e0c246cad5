// SPDX-License-Identifier: MIT
#include "engine/rank.h"

#include <cmath>

namespace hearth::engine {
namespace {

constexpr text::EncodeOptions kPlain{.add_special = false, .parse_special = false};

}  // namespace

bool is_reranker(const Engine& engine) { return arch::gives_scores(engine.rank_head()); }

std::string_view encoder_words(const Engine& engine) {
  return is_reranker(engine) ? "a reranker: it scores documents against a query"
                             : "an embedding model: it makes vectors of texts";
}

std::string_view encoder_hint(const Engine& engine) {
  return is_reranker(engine) ? "start hearth serve and ask it for scores (POST /v1/rerank)"
                             : "use hearth embed";
}

// BERT closes both texts with one separator; RoBERTa, whose vocabulary is byte-level, ends the
// first one and begins the second with a separator: <s> query </s></s> document </s>.
Result<QueryPart> query_part(const text::Tokenizer& tokenizer, std::string_view query) {
  const text::SpecialIds& special = tokenizer.special();
  const bool is_bert = tokenizer.model_name() == "bert";
  const text::TokenId end = is_bert ? special.separator : special.eos;
  for (const text::TokenId id : {special.bos, special.separator, end}) {
    if (id == text::kNoToken) {
      return with_hint(corrupt("the vocabulary lacks the tokens that join a query and a document"),
                       "the file needs tokenizer.ggml.bos_token_id, eos_token_id and "
                       "seperator_token_id");
    }
  }
  QueryPart part{.tokens = {special.bos}, .end = end};
  const std::vector<int32_t> words = tokenizer.encode(query, kPlain);
  part.tokens.insert(part.tokens.end(), words.begin(), words.end());
  part.tokens.push_back(end);
  if (!is_bert) part.tokens.push_back(special.separator);
  return part;
}

std::vector<int32_t> document_part(const text::Tokenizer& tokenizer, std::string_view document) {
  return tokenizer.encode(document, kPlain);
}

Pair join(const QueryPart& query, std::span<const int32_t> document, int n_types) {
  Pair pair{.tokens = query.tokens, .segments = std::vector<int32_t>(query.tokens.size(), 0)};
  pair.tokens.insert(pair.tokens.end(), document.begin(), document.end());
  pair.tokens.push_back(query.end);
  pair.segments.resize(pair.tokens.size(), n_types > 1 ? 1 : 0);
  return pair;
}

Result<float> score(Engine& engine, const QueryPart& query, std::span<const int32_t> document) {
  if (!is_reranker(engine)) {
    return with_hint(unsupported("the model has no head that scores pairs of texts"),
                     "use a reranker (a cross-encoder)");
  }
  const Pair pair = join(query, document, engine.hparams().Y);
  TRY_LET(Sequence sequence, engine.open_sequence());
  const StepPart part{.sequence = &sequence,
                      .tokens = pair.tokens,
                      .want = Want::kFirst,
                      .role = Role::kPrompt,
                      .segments = pair.segments};
  TRY(engine.step({&part, 1}));
  const float logit = engine.output(0).front();
  if (!std::isfinite(logit)) return internal_error("the model computed no finite number");
  return logit;
}

}  // namespace hearth::engine

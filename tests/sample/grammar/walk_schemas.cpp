// SPDX-License-Identifier: MIT
// walk_schemas VOCABULARY.gguf SEED < SCHEMAS: one JSON schema a line in, one JSON line out:
// {"error":…} or {"text":…, "tokens":n, "mask_us":…, "slowest_us":…}, an answer of random allowed
// tokens. So that answers end, after some tokens the shortest ones are taken.
// Exit status 0, 1 (failed), 2 (wrong use).
#include <algorithm>
#include <bit>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <random>
#include <string>

#include "file/gguf.h"
#include "sample/grammar/json_schema.h"
#include "sample/grammar/mask.h"

namespace hearth::sample {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kFreeTokens = 60;
constexpr int kMostTokens = 4000;

double microseconds(Clock::duration took) {
  return std::chrono::duration<double, std::micro>(took).count();
}

struct Walk {
  std::string text;
  int n_tokens = 0;
  double mask_us = 0, slowest_us = 0;
};

std::vector<int32_t> ids_of(std::span<const uint64_t> mask) {
  std::vector<int32_t> ids;
  for (size_t word = 0; word < mask.size(); ++word) {
    for (uint64_t bits = mask[word]; bits != 0; bits &= bits - 1)
      ids.push_back(static_cast<int32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
  }
  return ids;
}

// How soon a token is taken where an answer has to come to its end: what closes something, a
// letter or digit, another short one.
class Ranks {
 public:
  explicit Ranks(const text::Tokenizer& tokenizer) {
    for (size_t id = 0; id < tokenizer.n_vocab(); ++id) {
      const std::string piece = tokenizer.piece(static_cast<int32_t>(id), false);
      const bool closes = piece == "\"" || piece == "}" || piece == "]" || piece.empty();
      const bool is_word = piece.size() == 1 && std::isalnum(static_cast<uint8_t>(piece[0])) != 0;
      ranks_.push_back(closes ? 0 : is_word ? 1 : 1 + std::min<size_t>(piece.size(), 100));
    }
  }
  // Now and then a short one that is no letter, as something may wait for it.
  int32_t pick(const std::vector<int32_t>& ids, std::mt19937& random) const {
    const bool is_any = random() % 5 == 0;
    size_t least = SIZE_MAX;
    std::vector<int32_t> best;
    for (const int32_t id : ids) {
      size_t rank = ranks_[static_cast<size_t>(id)];
      if (is_any) rank = std::max<size_t>(rank, 2);
      if (rank < least) best.clear();
      least = std::min(least, rank);
      if (rank == least) best.push_back(id);
    }
    return best[random() % best.size()];
  }

 private:
  std::vector<size_t> ranks_;
};

Result<Walk> walk(const VocabularyGrammar& grammar, const text::Tokenizer& tokenizer,
                  const Ranks& ranks, std::mt19937& random) {
  Walk made;
  const auto mask = grammar.mask();
  while (!mask->complete() && made.n_tokens < kMostTokens) {
    const auto begin = Clock::now();
    const auto allowed = mask->allowed();
    const double took = microseconds(Clock::now() - begin);
    std::vector<int32_t> ids = ids_of(allowed);
    if (ids.empty()) return internal_error("no token is allowed");
    const int32_t id =
        made.n_tokens < kFreeTokens ? ids[random() % ids.size()] : ranks.pick(ids, random);
    const auto again = Clock::now();
    TRY(mask->accept(id));
    made.mask_us += took + microseconds(Clock::now() - again);
    made.slowest_us = std::max(made.slowest_us, took);
    ++made.n_tokens;
    tokenizer.append_piece(id, false, made.text);
  }
  if (!mask->complete()) return over_limit("the answer has no end");
  return made;
}

Result<Json> answer(const std::string& schema, const text::Tokenizer& tokenizer, const Ranks& ranks,
                    const std::shared_ptr<const TokenTable>& table, std::mt19937& random) {
  TRY_LET(const auto grammar, json_schema_grammar(std::string_view(schema)));
  const VocabularyGrammar masks(grammar, table);
  TRY_LET(const Walk made, walk(masks, tokenizer, ranks, random));
  return Json{{"text", made.text},
              {"tokens", made.n_tokens},
              {"mask_us", made.mask_us},
              {"slowest_us", made.slowest_us},
              {"bytes", masks.bytes()}};
}

int run(const char* vocabulary, uint32_t seed) {
  const auto file = file::Gguf::open(vocabulary);
  const auto tokenizer = file ? text::Tokenizer::make(file->metadata()) : Failure(file.error());
  if (!tokenizer) {
    fmt::print(stderr, "walk_schemas: {}\n", tokenizer.error().message);
    return 1;
  }
  const auto table = TokenTable::make(**tokenizer);
  const Ranks ranks(**tokenizer);
  std::mt19937 random(seed);
  for (std::string schema; std::getline(std::cin, schema);) {
    const auto made = answer(schema, **tokenizer, ranks, table, random);
    const Json line = made ? *made : Json{{"error", made.error().message}};
    fmt::print("{}\n", line.dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  return 0;
}

}  // namespace
}  // namespace hearth::sample

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: walk_schemas VOCABULARY.gguf SEED < SCHEMAS\n", stderr);
    return 2;
  }
  return hearth::sample::run(argv[1], static_cast<uint32_t>(std::atoi(argv[2])));
}

// SPDX-License-Identifier: MIT
// What a token mask costs: for every token of a text that keeps to the grammar, allowed() and then
// accept(), on a real vocabulary.
//   HEARTH_BENCH_VOCABULARY=model.gguf bench_masks
// warm/<grammar>: a grammar that other answers have used. cold/<grammar>: compiled for this answer.
// Counters: us_per_token; slowest_us, the dearest single token. compile/<grammar>: to compile it.
// table: to make the tree of the vocabulary.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/env.h"
#include "file/gguf.h"
#include "sample/grammar/gbnf.h"
#include "sample/grammar/json_schema.h"
#include "sample/grammar/mask.h"

namespace hearth::sample {
namespace {

using Clock = std::chrono::steady_clock;
using GrammarPtr = std::shared_ptr<const Grammar>;

struct Vocabulary {
  std::unique_ptr<file::Gguf> file;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::shared_ptr<const TokenTable> table;
};

const Vocabulary& vocabulary() {
  static const Vocabulary loaded = [] {
    Vocabulary made;
    auto file = file::Gguf::open(env("HEARTH_BENCH_VOCABULARY").value_or("model.gguf"));
    CHECK(file.has_value());
    made.file = std::make_unique<file::Gguf>(std::move(*file));
    auto tokenizer = text::Tokenizer::make(made.file->metadata());
    CHECK(tokenizer.has_value());
    made.tokenizer = std::move(*tokenizer);
    made.table = TokenTable::make(*made.tokenizer);
    return made;
  }();
  return loaded;
}

constexpr std::string_view kUser = R"({"type":"object","properties":{
  "name":{"type":"string"},"email":{"type":"string","format":"email"},
  "age":{"type":"integer","minimum":0,"maximum":150},
  "bio":{"type":"string","maxLength":400},
  "tags":{"type":"array","items":{"enum":["new","paid","staff"]},"maxItems":8},
  "address":{"type":"object","properties":{"street":{"type":"string"},"zip":{"type":"string",
    "pattern":"^[0-9]{5}$"}},"required":["street"]}},
  "required":["name","email","bio"]})";
constexpr std::string_view kUserText =
    R"({
  "name": "Ada Lovelace",
  "email": "ada@example.org",
  "age": 36,
  "bio": "She wrote the first program for a machine that was never built, and saw further)"
    R"( than its inventor what it could be used for: music, pictures, science.",
  "tags": ["paid", "staff"],
  "address": {"street": "St James's Square 12", "zip": "10115"}
})";
constexpr std::string_view kAnyText =
    R"({"orders": [{"id": 17, "total": 12.5, "items": ["bread", "four eggs", null]}, {"id": 18, )"
    R"("total": 7e2, "paid": true, "note": "leave it at the door; ring twice \"loudly\""}]})";
constexpr std::string_view kListing = R"(root ::= line+
line ::= "- " [^\n]{1,200} "\n")";
constexpr std::string_view kListingText =
    "- bread and butter\n- a dozen eggs, if they are fresh\n- milk (two litres)\n- \xC3\x84pfel\n";

struct Case {
  const char* name;
  Result<GrammarPtr> (*make)();
  std::string_view text;
};

const Case kCases[] = {
    {"json_object", [] { return json_object_grammar(); }, kAnyText},
    {"schema", [] { return json_schema_grammar(kUser); }, kUserText},
    {"gbnf_lines", [] { return parse_gbnf(kListing); }, kListingText},
};

GrammarPtr made(const Case& one) {
  auto grammar = one.make();
  CHECK(grammar.has_value());
  return *grammar;
}

// Microseconds: all, and the slowest token's.
std::pair<double, double> follow(const VocabularyGrammar& grammar,
                                 const std::vector<text::TokenId>& ids) {
  const auto mask = grammar.mask();
  double all = 0, slowest = 0;
  for (const text::TokenId id : ids) {
    const auto begin = Clock::now();
    benchmark::DoNotOptimize(mask->allowed().data());
    CHECK(mask->accept(id).has_value());
    const double took = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
    all += took;
    slowest = std::max(slowest, took);
  }
  return {all, slowest};
}

void run(benchmark::State& state, const Case& one, bool is_warm) {
  const auto ids = vocabulary().tokenizer->encode(one.text, {false, false});
  const GrammarPtr grammar = made(one);
  auto shared = std::make_unique<VocabularyGrammar>(grammar, vocabulary().table);
  if (is_warm) follow(*shared, ids);
  double all = 0, slowest = 0;
  for (auto _ : state) {
    if (!is_warm) shared = std::make_unique<VocabularyGrammar>(grammar, vocabulary().table);
    const auto [took, dearest] = follow(*shared, ids);
    all += took;
    slowest = std::max(slowest, dearest);
  }
  const auto n = static_cast<double>(state.iterations());
  state.counters["tokens"] = static_cast<double>(ids.size());
  state.counters["us_per_token"] = all / n / static_cast<double>(ids.size());
  state.counters["slowest_us"] = slowest;
  state.counters["bytes"] = static_cast<double>(shared->bytes());
}

void compile_grammar(benchmark::State& state, const Case& one) {
  for (auto _ : state) benchmark::DoNotOptimize(made(one));
}

void make_table(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(TokenTable::make(*vocabulary().tokenizer));
  state.counters["tokens"] = static_cast<double>(vocabulary().table->n_vocab());
  state.counters["nodes"] = static_cast<double>(vocabulary().table->n_nodes());
}

void register_all() {
  benchmark::RegisterBenchmark("table", make_table)->Unit(benchmark::kMillisecond);
  for (const Case& one : kCases) {
    const std::string name = one.name;
    benchmark::RegisterBenchmark(("compile/" + name).c_str(), compile_grammar, one)
        ->Unit(benchmark::kMicrosecond);
    for (const bool is_warm : {false, true}) {
      benchmark::RegisterBenchmark(((is_warm ? "warm/" : "cold/") + name).c_str(), run, one,
                                   is_warm)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace hearth::sample

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  hearth::sample::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// SPDX-License-Identifier: MIT
// What a token mask costs: for every token of a text that keeps to the grammar, allowed() and then
// accept(), on a real vocabulary.
//   HEARTH_BENCH_VOCABULARY=model.gguf bench_masks
// tokens/cold, tokens/all: percentiles of single tokens in microseconds. Each round takes all
// grammars one after the other on a tree of the vocabulary that has seen none, each with four
// answers; another grammar comes first in each round. Cold are the tokens of its first answer at
// places that were new.
// warm/<grammar>: a grammar that other answers have used. cold/<grammar>: compiled for this answer.
// Counters: us_per_token; slowest_us, the dearest single token. compile/<grammar>: to compile it.
// table: to make the tree of the vocabulary.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <numeric>
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

constexpr std::string_view kInvoice = R"({"type":"object","properties":{
  "number":{"type":"string","pattern":"^[A-Z]{2}-[0-9]{4,8}$"},
  "issued":{"type":"string","format":"date"},"due":{"type":["string","null"],"format":"date"},
  "seller":{"$ref":"#/$defs/party"},"buyer":{"$ref":"#/$defs/party"},
  "currency":{"enum":["EUR","USD","GBP","CHF"]},
  "lines":{"type":"array","minItems":1,"items":{"type":"object","properties":{
    "text":{"type":"string","minLength":1,"maxLength":80},
    "quantity":{"type":"integer","minimum":1},"price":{"type":"number","minimum":0},
    "vat":{"enum":[0,7,19]}},"required":["text","quantity","price"]}},
  "total":{"type":"number"},"paid":{"type":"boolean"},"note":{"type":"string"}},
  "required":["number","issued","seller","buyer","currency","lines","total"],
  "$defs":{"party":{"type":"object","properties":{"name":{"type":"string","maxLength":60},
    "vat_id":{"type":"string","maxLength":20},"city":{"type":"string"},
    "country":{"type":"string","minLength":2,"maxLength":2}},"required":["name","city"]}}})";
constexpr std::string_view kInvoiceText =
    R"({"number": "RE-20417", "issued": "2026-03-09", "due": null,
  "seller": {"name": "Bäckerei Müller & Söhne", "city": "Köln", "country": "DE"},
  "buyer": {"name": "Café \"Zentral\"", "vat_id": "DE811907980", "city": "Bonn"},
  "currency": "EUR",
  "lines": [{"text": "Rye bread, sliced", "quantity": 12, "price": 3.85, "vat": 7},
    {"text": "Delivery", "quantity": 1, "price": 4.5}],
  "total": 50.7, "paid": false, "note": "Thank you!\nPlease pay within 14 days."})";
constexpr std::string_view kReview = R"({"type":"object","properties":{
  "summary":{"type":"string"},"sentiment":{"enum":["positive","neutral","negative"]},
  "score":{"type":"integer","minimum":1,"maximum":10},
  "topics":{"type":"array","items":{"type":"string"},"maxItems":5},
  "quotes":{"type":"array","items":{"type":"object","properties":{"text":{"type":"string"},
    "start":{"type":"integer"}},"required":["text","start"]}},
  "language":{"type":"string","pattern":"^[a-z]{2}$"},"spam":{"type":"boolean"}},
  "required":["summary","sentiment","score","topics","spam"],"additionalProperties":false})";
constexpr std::string_view kReviewText =
    R"({"summary": "The reader liked the plot; the ending came too soon – 結末が早い.",)"
    R"( "sentiment": "positive", "score": 8, "topics": ["plot", "ending", "price"],)"
    R"( "quotes": [{"text": "I could not put it down", "start": 112}], "language": "en",)"
    R"( "spam": false})";
constexpr std::string_view kTree = R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object",
  "properties":{"kind":{"enum":["file","folder","link"]},"name":{"type":"string","minLength":1},
    "size":{"type":["integer","null"]},"changed":{"type":"string","format":"date-time"},
    "children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["kind","name"]}}})";
constexpr std::string_view kTreeText =
    R"({"kind": "folder", "name": "src", "children": [{"kind": "file", "name": "main.cpp",)"
    R"( "size": 4096, "changed": "2026-01-31T08:15:00Z"}, {"kind": "folder", "name": "base",)"
    R"( "children": [{"kind": "link", "name": "latest", "size": null}]}]})";
constexpr std::string_view kActions = R"({"type":"object","properties":{"thought":{"type":"string"},
  "action":{"anyOf":[
    {"type":"object","properties":{"tool":{"const":"search"},"query":{"type":"string"},
      "limit":{"type":"integer"}},"required":["tool","query"]},
    {"type":"object","properties":{"tool":{"const":"open"},"url":{"type":"string","format":"uri"}},
      "required":["tool","url"]},
    {"type":"object","properties":{"tool":{"const":"answer"},"text":{"type":"string"},
      "sources":{"type":"object","additionalProperties":{"type":"string"}}},
      "required":["tool","text"]}]}},"required":["thought","action"]})";
constexpr std::string_view kActionsText =
    R"({"thought": "The page that was found says when the bridge was built.", "action": )"
    R"({"tool": "answer", "text": "It was opened in 1911, after eleven years of work.", )"
    R"("sources": {"first": "https://example.org/bridge?id=7", "second": "a letter"}}})";
// Thirty properties, each with a type of its own kind.
std::string form_schema() {
  constexpr std::string_view kKinds[] = {
      R"({"type":"string"})",  R"({"type":"string","maxLength":40})",
      R"({"type":"integer"})", R"({"type":"number"})",
      R"({"type":"boolean"})", R"({"type":"string","pattern":"^[A-Za-z ]+$"})",
  };
  std::string properties, names;
  for (size_t i = 0; i < 30; ++i) {
    const std::string_view comma = i == 0 ? "" : ",";
    properties += fmt::format("{}\"field_{}\":{}", comma, i, kKinds[i % std::size(kKinds)]);
    names += fmt::format("{}\"field_{}\"", comma, i);
  }
  return fmt::format(R"({{"type":"object","properties":{{{}}},"required":[{}]}})", properties,
                     names);
}
std::string form_text() {
  constexpr std::string_view kValues[] = {
      R"("a few words, no more")", R"("short text")", "1234", "-0.75", "true", R"("Letters only")"};
  std::string text = "{";
  for (size_t i = 0; i < 30; ++i) {
    text += fmt::format("{}\n  \"field_{}\": {}", i == 0 ? "" : ",", i,
                        kValues[i % std::size(kValues)]);
  }
  return text + "\n}";
}

struct Case {
  const char* name;
  Result<GrammarPtr> (*make)();
  std::string text;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"json_object", [] { return json_object_grammar(); }, std::string(kAnyText)},
      {"schema", [] { return json_schema_grammar(kUser); }, std::string(kUserText)},
      {"gbnf_lines", [] { return parse_gbnf(kListing); }, std::string(kListingText)},
      {"invoice", [] { return json_schema_grammar(kInvoice); }, std::string(kInvoiceText)},
      {"review", [] { return json_schema_grammar(kReview); }, std::string(kReviewText)},
      {"tree", [] { return json_schema_grammar(kTree); }, std::string(kTreeText)},
      {"actions", [] { return json_schema_grammar(kActions); }, std::string(kActionsText)},
      {"form", [] { return json_schema_grammar(std::string_view(form_schema())); }, form_text()},
  };
  return all;
}

GrammarPtr made(const Case& one) {
  auto grammar = one.make();
  CHECK(grammar.has_value());
  return *grammar;
}

struct Costs {
  std::vector<double> all, cold;  // microseconds of each token
};

// `is_first`: no answer of this grammar came before.
void follow(const VocabularyGrammar& grammar, const std::vector<text::TokenId>& ids, bool is_first,
            Costs& costs) {
  const auto mask = grammar.mask();
  for (const text::TokenId id : ids) {
    const size_t bytes_before = grammar.bytes();
    const auto begin = Clock::now();
    benchmark::DoNotOptimize(mask->allowed().data());
    CHECK(mask->accept(id).has_value());
    const double took = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
    costs.all.push_back(took);
    if (is_first && grammar.bytes() != bytes_before) costs.cold.push_back(took);
  }
}

double percentile(std::vector<double>& values, double part) {
  CHECK(!values.empty());
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

const Costs& costs_of_rounds() {
  constexpr int kAnswers = 4;
  static const Costs found = [] {
    Costs costs;
    for (size_t first = 0; first < cases().size(); ++first) {
      const auto table = TokenTable::make(*vocabulary().tokenizer);
      for (size_t i = 0; i < cases().size(); ++i) {
        const Case& one = cases()[(first + i) % cases().size()];
        const auto ids = vocabulary().tokenizer->encode(one.text, {false, false});
        const VocabularyGrammar grammar(made(one), table);
        for (int n = 0; n < kAnswers; ++n) follow(grammar, ids, n == 0, costs);
      }
    }
    return costs;
  }();
  return found;
}

void show_tokens(benchmark::State& state, std::vector<double> Costs::*which) {
  std::vector<double> values = costs_of_rounds().*which;
  for (auto _ : state) benchmark::DoNotOptimize(values.data());
  state.counters["tokens"] = static_cast<double>(values.size());
  state.counters["p50_us"] = percentile(values, 0.5);
  state.counters["p90_us"] = percentile(values, 0.9);
  state.counters["p99_us"] = percentile(values, 0.99);
  state.counters["slowest_us"] = percentile(values, 1);
  state.counters["mean_us"] = mean(values);
}

void run(benchmark::State& state, const Case& one, bool is_warm) {
  const auto ids = vocabulary().tokenizer->encode(one.text, {false, false});
  const GrammarPtr grammar = made(one);
  auto shared = std::make_unique<VocabularyGrammar>(grammar, vocabulary().table);
  Costs costs;
  if (is_warm) follow(*shared, ids, !is_warm, costs);
  costs = {};
  for (auto _ : state) {
    if (!is_warm) shared = std::make_unique<VocabularyGrammar>(grammar, vocabulary().table);
    follow(*shared, ids, !is_warm, costs);
  }
  state.counters["tokens"] = static_cast<double>(ids.size());
  state.counters["us_per_token"] = mean(costs.all);
  state.counters["slowest_us"] = percentile(costs.all, 1);
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
  benchmark::RegisterBenchmark("tokens/cold", show_tokens, &Costs::cold)->Iterations(1);
  benchmark::RegisterBenchmark("tokens/all", show_tokens, &Costs::all)->Iterations(1);
  for (const Case& one : cases()) {
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

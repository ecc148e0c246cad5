// SPDX-License-Identifier: MIT
// Cross-encoders at toy size: tokens, segments and scores against the original implementation
// (golden/rank_scores.json, by capture_rank_scores.py); jobs that rerank with them.
#include "engine/rank.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/embed.h"
#include "engine/job_runner.h"
#include "tests/engine/toy_engine.h"

namespace hearth::engine {
namespace {

using test::ToyEngine;
using Json = nlohmann::ordered_json;

const std::string kRankFolder = test::source_dir() + "/tests/engine/";
const std::string kWholeHead = "--vocabulary --set pooling_type=4 --with cls.weight";

struct RankCase {
  std::string name;
  test::ToyOptions options;
};

test::ToyOptions rank_options(const std::string& arch, const std::string& words) {
  std::istringstream in(words);
  std::vector<std::string> list;
  for (std::string word; in >> word;) list.push_back(word);
  test::ToyOptions options{.arch = arch};
  EXPECT_TRUE(test::read_toy_options(list, options));
  return options;
}

std::vector<RankCase> rank_cases() {
  std::ifstream in(kRankFolder + "rank_cases.txt");
  std::vector<RankCase> list;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name, original, arch, options;
    words >> name >> original >> arch;
    std::getline(words, options);
    list.push_back({name, rank_options(arch, options)});
  }
  return list;
}

const Json& rank_golden() {
  static const Json all = [] {
    std::ifstream in(kRankFolder + "golden/rank_scores.json");
    return Json::parse(in);
  }();
  return all;
}

std::string file_hash(std::span<const uint8_t> bytes) {
  uint64_t value = 0xCBF29CE484222325u;
  for (const uint8_t byte : bytes) value = (value ^ byte) * 0x100000001B3u;
  return fmt::format("{:016x}", value);
}

std::unique_ptr<text::Tokenizer> tokenizer_in(const ToyEngine& toy) {
  auto made = text::Tokenizer::make(toy.file().metadata());
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

// As in tests/arch/toy_logits_test.cpp: about eight sums in a row in each layer and two in the
// head, each of n terms wrong by at most n * 2^-24 of its size.
double rank_error(const Engine& engine, int n_tokens) {
  int64_t longest = n_tokens;
  for (const graph::WeightRef& weight : engine.graph().weights()) {
    longest = std::max(longest, weight.shape.cols());
  }
  return (8.0 * engine.hparams().L + 2.0) * static_cast<double>(longest) * 0x1p-24;
}

class RankScores : public testing::TestWithParam<RankCase> {};

TEST_P(RankScores, are_those_of_the_original) {
  const test::ToyOptions& options = GetParam().options;
  const auto model = test::make_toy_model(options);
  ASSERT_TRUE(model) << model.error().message;
  const auto bytes = model->bytes();
  ASSERT_TRUE(bytes);
  const Json& expected = rank_golden()[GetParam().name];
  ASSERT_EQ(expected["gguf"], file_hash(*bytes))
      << "the generator makes another file than the one that was captured";
  for (const bool reference : {true, false}) {
    const auto toy = ToyEngine::make(*model, {.n_threads = 2, .reference = reference});
    ASSERT_TRUE(toy) << toy.error().message;
    ASSERT_TRUE(is_reranker(**toy));
    const auto tokenizer = tokenizer_in(*toy);
    double largest = 0;
    for (const Json& pair : expected["pairs"]) {
      largest = std::max(largest, std::fabs(pair["score"].get<double>()));
    }
    for (const Json& pair : expected["pairs"]) {
      const auto query = query_part(*tokenizer, pair["query"].get<std::string>());
      ASSERT_TRUE(query) << query.error().message;
      const auto document = document_part(*tokenizer, pair["document"].get<std::string>());
      const Pair joined = join(*query, document, (*toy)->hparams().Y);
      EXPECT_EQ(joined.tokens, pair["tokens"].get<std::vector<int32_t>>()) << pair["document"];
      EXPECT_EQ(joined.segments, pair["segments"].get<std::vector<int32_t>>()) << pair["document"];
      EXPECT_EQ(query->pair_size(document.size()), joined.tokens.size());
      const auto value = score(**toy, *query, document);
      ASSERT_TRUE(value) << value.error().message;
      const int n_tokens = static_cast<int>(joined.tokens.size());
      EXPECT_NEAR(*value, pair["score"].get<double>(), rank_error(**toy, n_tokens) * largest)
          << pair["query"] << " " << pair["document"] << (reference ? " ref" : " cpu");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RankScores, testing::ValuesIn(rank_cases()),
                         [](const auto& param) { return param.param.name; });

TEST(RankPairs, of_a_byte_level_vocabulary_are_joined_as_roberta_does) {
  auto model = test::make_toy_model(rank_options("llama", "--vocabulary"));
  ASSERT_TRUE(model);
  model->metadata.set_u32("tokenizer.ggml.bos_token_id", 3);
  model->metadata.set_u32("tokenizer.ggml.eos_token_id", 4);
  const auto unjoined = text::Tokenizer::make(model->metadata);
  ASSERT_TRUE(unjoined);
  const auto refused = query_part(**unjoined, "Hello");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("seperator_token_id"), std::string::npos);

  model->metadata.set_u32("tokenizer.ggml.seperator_token_id", 5);
  const auto tokenizer = text::Tokenizer::make(model->metadata);
  ASSERT_TRUE(tokenizer);
  const auto query = query_part(**tokenizer, "Hello");
  ASSERT_TRUE(query) << query.error().message;
  const int32_t hello = (*tokenizer)->find_token("Hello"), th = (*tokenizer)->find_token("th");
  EXPECT_EQ(join(*query, document_part(**tokenizer, "th"), 1).tokens,
            (std::vector<int32_t>{3, hello, 4, 5, th, 4}));
}

TEST(RankSegments, count_and_are_checked) {
  const auto toy = ToyEngine::make(rank_options("bert", kWholeHead));
  ASSERT_TRUE(toy) << toy.error().message;
  const std::vector<int32_t> tokens{2, 90, 3, 95, 96, 3};
  const auto run = [&](const std::vector<int32_t>& segments) -> Result<float> {
    TRY_LET(Sequence sequence, (*toy)->open_sequence());
    const StepPart part{&sequence, tokens, Want::kFirst, Role::kPrompt, segments};
    TRY((*toy)->step({&part, 1}));
    return (*toy)->output(0)[0];
  };
  const auto none = run({}), zero = run({0, 0, 0, 0, 0, 0}), pair = run({0, 0, 0, 1, 1, 1});
  ASSERT_TRUE(none && zero && pair);
  EXPECT_EQ(*none, *zero);
  EXPECT_GT(std::fabs(*pair - *zero), 0.01f);
  for (const int32_t wrong : {-1, 2}) {
    const auto refused = run({0, 0, 0, wrong, 1, 1});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              fmt::format("segment {} is not one of the model's 2", wrong));
  }
}

class RerankJobs : public testing::Test {
 protected:
  void load(const std::string& arch, const std::string& words) {
    runner_.reset();
    test::EngineSetup setup;
    setup.options = {.n_ctx = 64, .n_sequences = 2, .max_batch = 32};
    auto toy = ToyEngine::make(rank_options(arch, words), setup);
    ASSERT_TRUE(toy) << toy.error().message;
    toy_ = std::make_unique<ToyEngine>(std::move(*toy));
    tokenizer_ = tokenizer_in(*toy_);
    runner_ = std::make_unique<JobRunner>(
        **toy_, *tokenizer_, "", [this](Event event) { events_.push_back(std::move(event)); });
  }
  void SetUp() override { load("bert", kWholeHead); }

  static Job rerank(std::string query, std::vector<std::string> documents) {
    Job job;
    job.id = 1;
    job.kind = JobKind::kRerank;
    job.prompt = std::move(query);
    job.texts = std::move(documents);
    return job;
  }
  const std::vector<Event>& run(Job job) {
    events_.clear();
    runner_->submit(std::move(job));
    while (!runner_->idle()) runner_->step();
    return events_;
  }
  Error error_of(Job job) {
    run(std::move(job));
    EXPECT_EQ(events_.size(), 1u);
    EXPECT_EQ(events_.back().kind, EventKind::kError);
    return events_.back().error;
  }

  std::unique_ptr<ToyEngine> toy_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::vector<Event> events_;
  std::unique_ptr<JobRunner> runner_;
};

TEST_F(RerankJobs, give_each_document_the_score_of_its_pair) {
  const std::vector<std::string> documents{"the cat", "hello world", "", "the cat"};
  const auto query = query_part(*tokenizer_, "cat?");
  ASSERT_TRUE(query);
  const std::vector<Event>& list = run(rerank("cat?", documents));
  ASSERT_EQ(list.size(), 3u);
  EXPECT_TRUE(list[0].warnings.empty());
  const Json& result = list[1].result;
  int64_t n_tokens = 0;
  for (size_t i = 0; i < documents.size(); ++i) {
    const auto alone = score(**toy_, *query, document_part(*tokenizer_, documents[i]));
    ASSERT_TRUE(alone);
    EXPECT_EQ(result["scores"][i].get<float>(), *alone) << i;
    n_tokens += result["n_tokens"][i].get<int64_t>();
  }
  EXPECT_EQ(result["scores"].size(), documents.size());
  EXPECT_EQ(result["scores"][0], result["scores"][3]);
  EXPECT_NE(result["scores"][0], result["scores"][1]);
  EXPECT_EQ(result["n_tokens"][2], 5);  // [CLS] cat ? [SEP] [SEP]
  EXPECT_EQ(list[0].usage.n_prompt, n_tokens);
  EXPECT_EQ(list[2].usage.n_prompt, n_tokens);
}

TEST_F(RerankJobs, never_cut_a_pair_that_is_too_long) {
  const std::string fitting(60 - 1, '!');  // one token each; 5 of the query's and the marks
  EXPECT_EQ(run(rerank("cat?", {fitting})).back().kind, EventKind::kDone);
  const Error error = error_of(rerank("cat?", {"the cat", fitting + "!"}));
  EXPECT_EQ(error.code, ErrorCode::kLimit);
  EXPECT_EQ(error.message, "document 1 with the query has 65 tokens, the model takes 64");
  const Error of_query = error_of(rerank(std::string(62, '!'), {"the cat"}));
  EXPECT_EQ(of_query.code, ErrorCode::kLimit);
  EXPECT_EQ(of_query.message, "the query alone has 65 tokens, the model takes 64 with a document");

  load("bert", "--vocabulary");
  EXPECT_EQ(error_of(rerank("cat?", {"the cat", std::string(63, '!')})).message,
            "document 1 has 65 tokens, the model takes 64");
  EXPECT_EQ(error_of(rerank(std::string(63, '!'), {"the cat"})).message,
            "the query has 65 tokens, the model takes 64");
}

TEST_F(RerankJobs, by_a_reranker_are_all_that_it_takes) {
  Job embeddings = rerank("", {"the cat"});
  embeddings.kind = JobKind::kEmbed;
  for (const char* const pooling : {"", "mean"}) {
    embeddings.pooling = pooling;
    const Error error = error_of(embeddings);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_NE(error.hint.find("/v1/rerank"), std::string::npos) << error.hint;
  }
  EXPECT_FALSE(embed(**toy_, std::vector<int32_t>{2, 3}, Pooling::kCls));
  Job text = rerank("the cat", {});
  text.kind = JobKind::kComplete;
  const Error error = error_of(text);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_NE(error.message.find("reranker"), std::string::npos) << error.message;
  EXPECT_NE(error.hint.find("/v1/rerank"), std::string::npos) << error.hint;
}

TEST_F(RerankJobs, of_a_model_without_one_are_refused_and_of_an_embedding_model_cosines) {
  load("llama", "--vocabulary");
  const Error error = error_of(rerank("cat", {"the cat"}));
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_NE(error.hint.find("embedding model"), std::string::npos);
  QueryPart query{.tokens = {1}, .end = 1};
  EXPECT_FALSE(score(**toy_, query, std::vector<int32_t>{1}));

  load("bert", "--vocabulary");
  const std::vector<Event>& list = run(rerank("cat", {"the cat", "cat"}));
  ASSERT_EQ(list.size(), 3u);
  ASSERT_EQ(list[1].result["scores"].size(), 2u);
  EXPECT_NEAR(list[1].result["scores"][1].get<double>(), 1.0, 1e-5);
}

TEST_F(RerankJobs, tell_that_the_file_has_lost_the_pooler) {
  load("bert", "--vocabulary --set pooling_type=4");
  const std::vector<Event>& list = run(rerank("cat?", {"the cat"}));
  ASSERT_EQ(list.size(), 3u);
  ASSERT_EQ(list[0].warnings.size(), 1u);
  EXPECT_NE(list[0].warnings[0].find("pooler"), std::string::npos);
  ASSERT_EQ((*toy_)->warnings().size(), 1u);
  EXPECT_EQ((*toy_)->warnings()[0], list[0].warnings[0]);
}

}  // namespace
}  // namespace hearth::engine

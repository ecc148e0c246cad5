// SPDX-License-Identifier: MIT
// The three real models against float arithmetic and llama.cpp (captured by capture_real.py).
// Distances are means over teacher-forced positions of |difference| of the five log-probabilities
// that float holds likeliest; llama.cpp's own distance on the same file is the bound.
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "engine/generate.h"
#include "sample/logprobs.h"
#include "tests/engine/toy_engine.h"
#include "tests/support/inputs.h"
#include "text/chat_template.h"

namespace hearth::engine {
namespace {

constexpr double kUnit = 1e-4;   // of the golden's log-probabilities
constexpr double kMargin = 0.3;  // below it two tokens are as good as equal
constexpr size_t kCompared = 5;  // of the ten in the golden
constexpr int kOutputs = 32;     // rows of logits of a step: 262144 floats each

struct RealModel {
  nlohmann::json golden;
  std::unique_ptr<file::Gguf> file;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<Engine> engine;
};

Result<RealModel> load(const std::string& name, const std::filesystem::path& path,
                       bool reference = false) {
  RealModel model;
  std::ifstream in(test::source_dir() + "/tests/engine/golden/real_" + name + ".json");
  model.golden = parse_json(std::string{std::istreambuf_iterator<char>(in), {}});
  if (model.golden.is_discarded()) return invalid("no golden of {}", name);
  TRY_LET(auto file, file::Gguf::open(path));
  model.file = std::make_unique<file::Gguf>(std::move(file));
  TRY_LET(model.tokenizer, text::Tokenizer::make(model.file->metadata()));
  EngineOptions options{.n_ctx = 512, .max_outputs = kOutputs};
  std::unique_ptr<backend::Backend> backend = backend::make_ref_backend();
  if (reference) {
    options.kv = {DType::kF32, DType::kF32};
  } else {
    TRY_LET(backend, backend::make_cpu_backend(0));
  }
  TRY_LET(model.engine, Engine::make(*model.file, std::move(backend), options));
  return model;
}

std::string read_text(const std::string& name) {
  std::ifstream in(test::source_dir() + "/tests/engine/texts/" + name + ".txt");
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Tally {
  int n = 0;
  double own = 0, peer = 0;  // sums of distances
  double most = 0;           // of single differences
  int n_clear = 0;           // positions where float's first two differ by more than the margin
  int n_wrong = 0, n_peer_wrong = 0;  // of those, with another token first
};

void compare(const nlohmann::json& position, std::span<const float> logits, Tally& tally) {
  const auto ids = position[0].get<std::vector<size_t>>();
  const auto exact = position[1].get<std::vector<double>>();
  const auto peer = position[2].get<std::vector<double>>();
  const auto normalizer = sample::log_normalizer(logits);
  ASSERT_TRUE(normalizer) << normalizer.error().message;
  ++tally.n;
  for (size_t k = 0; k < kCompared; ++k) {
    const double own = static_cast<double>(logits[ids[k]]) - *normalizer;
    tally.most = std::max(tally.most, std::fabs(own - exact[k] * kUnit));
    tally.own += std::fabs(own - exact[k] * kUnit) / kCompared;
    tally.peer += std::fabs(peer[k] - exact[k]) * kUnit / kCompared;
  }
  if ((exact[0] - exact[1]) * kUnit <= kMargin) return;
  ++tally.n_clear;
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  if (static_cast<size_t>(best) != ids[0]) ++tally.n_wrong;
  if (position[3].get<size_t>() != ids[0]) ++tally.n_peer_wrong;
}

// The first `n_positions` of a text.
void expect_text(RealModel& model, const nlohmann::json& text, size_t n_positions, Role role,
                 Tally& tally) {
  const auto ids = text["ids"].get<std::vector<int32_t>>();
  auto own_ids = model.tokenizer->encode(read_text(text["text"].get<std::string>()),
                                         {.add_special = true, .parse_special = false});
  own_ids.resize(ids.size());
  ASSERT_EQ(own_ids, ids);
  n_positions = std::min(n_positions, ids.size());
  auto sequence = model.engine->open_sequence();
  ASSERT_TRUE(sequence);
  for (size_t begin = 0; begin < n_positions; begin += kOutputs) {
    const size_t n = std::min(n_positions - begin, static_cast<size_t>(kOutputs));
    const StepPart part{&*sequence, std::span(ids).subspan(begin, n), Want::kAll, role};
    const Status status = model.engine->step({&part, 1});
    ASSERT_TRUE(status) << status.error().message;
    for (size_t i = 0; i < n; ++i) {
      compare(text["positions"][begin + i], model.engine->output(static_cast<int>(i)), tally);
    }
  }
}

// `most`: how far from float at most, as a part of llama.cpp's distance.
void expect_near_float(const std::string& name, Role role, double most) {
  const auto path = test::input("models") / name / "model.gguf";
  HEARTH_NEEDS_INPUT(path);
  auto model = load(name, path);
  ASSERT_TRUE(model) << model.error().message;
  Tally tally;
  for (const auto& text : model->golden["texts"]) {
    SCOPED_TRACE(text["text"].get<std::string>());
    expect_text(*model, text, std::numeric_limits<size_t>::max(), role, tally);
  }
  ASSERT_GT(tally.n, 0);
  std::printf(
      "%s: %d positions, distance from float %.4f, llama.cpp's %.4f; of %d clear "
      "positions %d differ, llama.cpp's %d\n",
      name.c_str(), tally.n, tally.own / tally.n, tally.peer / tally.n, tally.n_clear,
      tally.n_wrong, tally.n_peer_wrong);
  EXPECT_LE(tally.own, most * tally.peer);
  EXPECT_EQ(tally.n_wrong, 0);
}

TEST(RealModelTruth, answers_of_smollm2_are_ten_times_nearer_to_float_than_llama_cpps) {
  expect_near_float("smollm2-135m", Role::kAnswer, 0.1);
}

TEST(RealModelTruth, prompts_of_smollm2_are_nearer_to_float_than_llama_cpps) {
  expect_near_float("smollm2-135m", Role::kPrompt, 0.6);
}

TEST(RealModelTruth, answers_of_gemma3_are_ten_times_nearer_to_float_than_llama_cpps) {
  expect_near_float("gemma3-270m", Role::kAnswer, 0.1);
}

TEST(RealModelTruth, prompts_of_gemma3_are_nearer_to_float_than_llama_cpps) {
  expect_near_float("gemma3-270m", Role::kPrompt, 0.6);
}

TEST(RealModelTruth, answers_of_qwen2_5_coder_are_ten_times_nearer_to_float_than_llama_cpps) {
  expect_near_float("qwen2.5-coder-1.5b", Role::kAnswer, 0.1);
}

TEST(RealModelTruth, prompts_of_qwen2_5_coder_are_nearer_to_float_than_llama_cpps) {
  expect_near_float("qwen2.5-coder-1.5b", Role::kPrompt, 0.6);
}

TEST(RealModelTruth, the_reference_backend_is_float) {
  const std::string name = "smollm2-135m";
  const auto path = test::input("models") / name / "model.gguf";
  HEARTH_NEEDS_INPUT(path);
  auto model = load(name, path, true);
  ASSERT_TRUE(model) << model.error().message;
  Tally tally;
  for (const auto& text : model->golden["texts"])
    expect_text(*model, text, 8, Role::kAnswer, tally);
  EXPECT_EQ(tally.n, 24);
  // The golden is rounded to half a unit; llama.cpp's sums in float have the other half.
  EXPECT_LE(tally.most, kUnit);
}

// How many tokens of the answer, of those that llama.cpp took clearly, are not our likeliest.
int count_other_tokens(Engine& engine, Sequence& sequence, const nlohmann::json& answer) {
  const auto ids = answer["ids"].get<std::vector<int32_t>>();
  const auto margins = answer["margins"].get<std::vector<double>>();
  auto all = answer["prompt"].get<std::vector<int32_t>>();
  const size_t n_prompt = all.size();
  all.insert(all.end(), ids.begin(), ids.end() - 1);
  int n_other = 0;
  for (size_t begin = 0; begin < all.size(); begin += kOutputs) {
    const size_t n = std::min(all.size() - begin, static_cast<size_t>(kOutputs));
    const StepPart part{&sequence, std::span(all).subspan(begin, n), Want::kAll};
    EXPECT_TRUE(engine.step({&part, 1}));
    for (size_t i = 0; i < n; ++i) {
      if (begin + i + 1 < n_prompt) continue;
      const size_t at = begin + i + 1 - n_prompt;
      const auto row = engine.output(static_cast<int>(i));
      const auto best = std::max_element(row.begin(), row.end()) - row.begin();
      if (margins[at] * kUnit > kMargin && best != ids[at]) ++n_other;
    }
  }
  return n_other;
}

// Word for word up to the first position where llama.cpp itself could as well have taken another
// token; after it, llama.cpp's words are given and the next one is compared.
TEST(RealModelTruth, greedy_answers_of_the_default_model_are_llama_cpps) {
  const std::string name = "smollm2-135m";
  const auto path = test::input("models") / name / "model.gguf";
  HEARTH_NEEDS_INPUT(path);
  auto model = load(name, path);
  ASSERT_TRUE(model) << model.error().message;
  const auto source = model->file->metadata().text("tokenizer.chat_template");
  ASSERT_TRUE(source);
  const auto chat = text::ChatTemplate::parse(*source);
  ASSERT_TRUE(chat) << chat.error().message;
  size_t n_compared = 0, n_answers = 0;
  for (const auto& answer : model->golden["answers"]) {
    const auto question = answer["question"].get<std::string>();
    SCOPED_TRACE(question);
    text::ChatInput input;
    input.messages = {{{"role", "user"}, {"content", question}}};
    input.add_generation_prompt = true;
    const auto prompt = chat->render(input);
    ASSERT_TRUE(prompt) << prompt.error().message;
    GenerateRequest request{.prompt = model->tokenizer->encode(*prompt)};
    EXPECT_EQ(request.prompt, answer["prompt"].get<std::vector<int32_t>>());
    auto ids = answer["ids"].get<std::vector<int32_t>>();
    const auto margins = answer["margins"].get<std::vector<double>>();
    const auto unclear = std::find_if(margins.begin(), margins.end(),
                                      [](double margin) { return margin * kUnit <= kMargin; });
    ids.resize(static_cast<size_t>(unclear - margins.begin()));
    request.max_tokens = static_cast<int64_t>(ids.size());
    request.sampler.temperature = 0;
    auto sequence = model->engine->open_sequence();
    ASSERT_TRUE(sequence);
    const auto result = generate(
        *model->engine, *model->tokenizer, *sequence, request, [](std::string_view) {}, nullptr);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->tokens, ids);
    sequence->truncate(0);
    EXPECT_EQ(count_other_tokens(*model->engine, *sequence, answer), 0);
    n_compared += ids.size();
    ++n_answers;
  }
  std::printf("%zu answers, %zu tokens up to llama.cpp's first doubt\n", n_answers, n_compared);
  EXPECT_EQ(n_answers, 6u);
  EXPECT_GT(n_compared, 0u);
}

}  // namespace
}  // namespace hearth::engine

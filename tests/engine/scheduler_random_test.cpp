// SPDX-License-Identifier: MIT
// The scheduler's promise under random use: requests that come at any time, are cancelled or paused
// at any step, share prefixes, have several answers and too few pages, each give the tokens that
// they give alone.
#include <random>

#include "tests/engine/scheduler_run.h"

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::Heard;
using test::SchedulerRun;

// A copy of what is compared later (a request itself cannot be copied).
GenerationRequest copy_of(const GenerationRequest& request) {
  GenerationRequest copy;
  copy.id = request.id;
  copy.owner = request.owner;
  copy.prompt = request.prompt;
  copy.answer = request.answer;
  copy.n = request.n;
  copy.prompt_logprobs = request.prompt_logprobs;
  return copy;
}

class RandomPlay {
 public:
  RandomPlay(SchedulerRun& run, uint32_t seed) : run_(run), random_(seed) {}

  void play(int n_requests) {
    while (n_submitted_ < n_requests || run_.scheduler().has_requests()) {
      if (n_submitted_ < n_requests && below(3) == 0) submit();
      if (below(25) == 0) cancel();
      if (below(10) == 0) pause();
      run_.scheduler().step();
      if (testing::Test::HasFailure()) return;
    }
    for (const GenerationRequest& request : asked_) check(request);
  }

  int n_cached = 0, n_cancelled = 0, n_compared = 0;
  int64_t n_accepted = 0;

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

  void submit() {
    // Few beginnings, so that prefixes are shared.
    std::vector<int32_t> prompt = run_.prompt(1 + below(90), below(3));
    const auto tail = run_.prompt(below(60), 10 + below(1000));
    prompt.insert(prompt.end(), tail.begin(), tail.end());
    GenerationRequest request = run_.request(std::move(prompt), 1 + below(90),
                                             std::string(1, static_cast<char>('a' + below(3))));
    sample::SamplerParams& sampler = request.answer.sampler;
    sampler.temperature = below(3) == 0 ? 0 : 1.5;
    sampler.seed = below(1000);
    sampler.top_k = 0;
    if (below(3) == 0) sampler.repeat_penalty = 1.3;
    if (below(4) == 0) sampler.dry_multiplier = 0.8;
    if (below(5) == 0) sampler.mirostat = 2;
    // Answers of two tokens repeat themselves, so guesses are often right.
    if (below(3) == 0) sampler.logit_bias = {{65, 1000.0}, {66, 1000.0}};
    if (below(4) == 0) request.answer.n_logprobs = 2;
    if (below(4) == 0) request.n = 1 + below(4);
    request.answer.ignore_end = below(2) == 0;
    if (below(3) == 0) request.answer.stop = {"the", "\n"};
    asked_.push_back(copy_of(request));
    run_.submit(std::move(request));
    ++n_submitted_;
  }

  void cancel() {
    if (asked_.empty()) return;
    run_.scheduler().cancel(asked_[static_cast<size_t>(below(static_cast<int>(asked_.size())))].id);
  }

  // Pauses one and lets the last one go on.
  void pause() {
    if (asked_.empty()) return;
    if (paused_ != 0) run_.scheduler().pause(paused_, false);
    paused_ = 0;
    if (below(2) == 0) return;
    paused_ = asked_.back().id;
    run_.scheduler().pause(paused_, true);
  }

  void check(const GenerationRequest& request) {
    SCOPED_TRACE(request.id);
    const Heard& heard = run_.heard(request.id);
    ASSERT_EQ(heard.n_ends, 1);
    n_cached += heard.n_cached;
    n_accepted += heard.usage.n_accepted;
    if (heard.failed) {
      EXPECT_EQ(heard.error.code, ErrorCode::kInterrupted) << heard.error.message;
      ++n_cancelled;
    } else {
      ASSERT_EQ(heard.answers.size(), static_cast<size_t>(request.n));
    }
    for (const auto& [i, answer] : heard.answers) {
      const GenerateResult alone = run_.alone(request, i);
      ++n_compared;
      if (answer.finished) {
        expect_same(answer, alone);
      } else {  // cancelled: as far as it came
        ASSERT_LE(answer.tokens.size(), alone.tokens.size());
        EXPECT_TRUE(std::equal(answer.tokens.begin(), answer.tokens.end(), alone.tokens.begin()));
      }
    }
  }

  SchedulerRun& run_;
  std::mt19937 random_;
  std::vector<GenerationRequest> asked_;
  int n_submitted_ = 0;
  uint64_t paused_ = 0;
};

// Sanitizers take several times as long.
#ifdef HEARTH_SANITIZED
constexpr int kSlowness = 4;
#else
constexpr int kSlowness = 1;
#endif

struct RandomCase {
  const char* name;
  EngineOptions options;
  // A clock that stands still: chunks are of one size, and guesses never seem too dear.
  bool frozen_clock = true;
};

// Plenty of everything; few pages, so that answers are put back; small batches; no cache.
std::vector<RandomCase> cases() {
  return {
      {"plenty",
       {.n_ctx = 256, .n_sequences = 32, .n_kept = 8, .max_batch = 128, .max_outputs = 64}},
      {"few pages",
       {.n_ctx = 256, .n_sequences = 6, .n_kept = 6, .n_positions = 256, .max_batch = 64}},
      {"small batches",
       {.n_ctx = 256,
        .n_sequences = 4,
        .n_kept = 2,
        .n_positions = 512,
        .max_batch = 8,
        .max_outputs = 8}},
      {"no cache", {.n_ctx = 256, .n_sequences = 8, .n_positions = 320, .max_batch = 100}, false},
      {"deterministic",
       {.n_ctx = 256,
        .n_sequences = 6,
        .n_kept = 6,
        .n_positions = 400,
        .max_batch = 64,
        .deterministic = true}}};
}

void play_on(const char* arch, int n_requests) {
  for (const RandomCase& c : cases()) {
    SCOPED_TRACE(c.name);
    EngineSetup setup;
    setup.options = c.options;
    SchedulerOptions options;
    if (c.frozen_clock) options.clock_ms = [] { return 0.0; };
    auto run = SchedulerRun::make(arch, setup, std::move(options));
    ASSERT_TRUE(run) << run.error().message;
    RandomPlay play(**run, 7);
    play.play(n_requests / kSlowness);
    if (testing::Test::HasFailure()) return;
    EXPECT_GT(play.n_compared, n_requests / kSlowness / 2);
    if (kSlowness > 1) continue;  // too few for the rest to happen
    EXPECT_GT(play.n_cancelled, 0);
    if (c.frozen_clock) {
      EXPECT_GT(play.n_accepted, 0);
    }
    const SchedulerFigures figures = (*run)->scheduler().figures();
    if (c.options.n_kept > 0) {
      EXPECT_GT(play.n_cached, 0);
    } else {
      EXPECT_EQ(play.n_cached, 0);
      EXPECT_EQ(figures.n_free_pages, figures.n_pages);
    }
    if (c.options.n_positions > 0 && c.options.n_positions < 512) {
      EXPECT_GT(figures.n_put_back, 0);
    }
    EXPECT_EQ(figures.n_waiting + figures.n_running, 0);
  }
}

TEST(SchedulerRandom, each_request_gives_what_it_gives_alone) { play_on("llama", 60); }
TEST(SchedulerRandom, also_where_layers_have_windows) { play_on("gemma3", 40); }
TEST(SchedulerRandom, also_with_experts) { play_on("qwen3moe", 30); }

TEST(SchedulerRandom, thirty_two_at_once_give_what_each_gives_alone) {
  EngineSetup setup;
  setup.options = {.n_ctx = 256, .n_sequences = 32, .max_batch = 256};
  setup.n_threads = 2;
  auto run = SchedulerRun::make("llama", setup);
  ASSERT_TRUE(run) << run.error().message;
  std::vector<GenerationRequest> asked;
  for (int i = 0; i < 32; ++i) {
    GenerationRequest request = (*run)->request((*run)->prompt(10 + 5 * i, i), 60);
    request.answer.sampler.temperature = 1.2;
    request.answer.sampler.seed = i;
    asked.push_back(copy_of(request));
    (*run)->submit(std::move(request));
  }
  (*run)->run_to_end();
  for (const GenerationRequest& request : asked) {
    SCOPED_TRACE(request.id);
    ASSERT_TRUE((*run)->heard(request.id).done);
    expect_same((*run)->heard(request.id).answers[0], (*run)->alone(request));
  }
}

}  // namespace
}  // namespace hearth::engine

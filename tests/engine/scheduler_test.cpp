// SPDX-License-Identifier: MIT
// The scheduler on toy models: refusals, limits, ends, several answers, fairness, bounds on steps,
// cancelling, deadlines, pauses, broken numbers. scheduler_random_test.cpp has random use.
#include "engine/scheduler.h"

#include <limits>
#include <random>
#include <thread>

#include "engine/evaluate.h"
#include "tests/engine/scheduler_run.h"

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::Heard;
using test::SchedulerRun;

// A clock that stands still except during steps, which take what their tokens cost.
struct FakeClock {
  double now = 0;
  double prompt_ms = 1, answer_ms = 1;
  double step_ms = 0;  // of any step
  const SchedulerFigures* figures = nullptr;
  int64_t n_steps = 0;
};

class SchedulerTest : public testing::Test {
 protected:
  void load(const EngineOptions& engine, SchedulerOptions options = {},
            const char* arch = "llama") {
    EngineSetup setup;
    setup.options = engine;
    auto run = SchedulerRun::make(arch, setup, std::move(options));
    ASSERT_TRUE(run) << run.error().message;
    run_ = std::move(*run);
  }
  void SetUp() override {
    load({.n_ctx = 256, .n_sequences = 4, .n_kept = 4, .max_batch = 128, .max_outputs = 128});
  }

  // Reads the scheduler's own figures, which it sets before it runs a step.
  SchedulerOptions with_clock() {
    SchedulerOptions options;
    options.clock_ms = [this] {
      if (run_ == nullptr) return clock_.now;
      const SchedulerFigures figures = scheduler().figures();
      if (figures.n_steps != clock_.n_steps) {
        // The first look of a step is at its begin.
        if (in_step_) {
          clock_.n_steps = figures.n_steps;
          clock_.now += clock_.step_ms + clock_.prompt_ms * figures.last_prompt_tokens +
                        clock_.answer_ms * figures.last_answer_tokens;
        }
        in_step_ = !in_step_;
      }
      return clock_.now;
    };
    return options;
  }

  Scheduler& scheduler() { return run_->scheduler(); }
  auto try_submit(GenerationRequest request) {
    return scheduler().submit(std::move(request), std::make_unique<test::Listener>(unheard_));
  }

  FakeClock clock_;
  bool in_step_ = false;
  Heard unheard_;
  std::unique_ptr<SchedulerRun> run_;
};

TEST_F(SchedulerTest, what_cannot_be_is_refused_at_once_with_the_numbers) {
  const auto message = [&](GenerationRequest request) {
    const auto refused = try_submit(std::move(request));
    if (refused) return std::string("taken");
    EXPECT_EQ(refused.error().retry_after_s, 0);
    return refused.error().error.message;
  };
  EXPECT_EQ(message(run_->request({}, 5)), "the prompt is empty");
  EXPECT_EQ(message(run_->request(run_->prompt(257), 5)),
            "the prompt has 257 tokens, the context holds 256");
  EXPECT_EQ(message(run_->request({1, -1}, 5)),
            fmt::format("token -1 is outside of the vocabulary of {}", run_->n_vocab()));
  EXPECT_EQ(message(run_->request({run_->n_vocab()}, 5)),
            fmt::format("token {0} is outside of the vocabulary of {0}", run_->n_vocab()));
  for (const int n : {-1, 0, 65, std::numeric_limits<int>::max()}) {
    GenerationRequest request = run_->request({1}, 5);
    request.n = n;
    EXPECT_EQ(message(std::move(request)), fmt::format("n is {}, it must be between 1 and 64", n));
  }
  GenerationRequest request = run_->request({1}, 5);
  request.answer.sampler.top_p = 2;
  EXPECT_NE(message(std::move(request)).find("top_p"), std::string::npos);
  EXPECT_FALSE(scheduler().has_requests());
  EXPECT_FALSE(scheduler().step());
  EXPECT_EQ(unheard_.n_ends, 0);
}

TEST_F(SchedulerTest, a_full_queue_refuses_with_a_time_to_come_back) {
  load({.n_ctx = 256, .n_sequences = 1, .max_batch = 128},
       {.max_waiting = 5, .max_waiting_per_owner = 3});
  for (int i = 0; i < 3; ++i) run_->submit(run_->request({1, 2}, 5, "a"));
  const auto own = try_submit(run_->request({1, 2}, 5, "a"));
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().error.code, ErrorCode::kLimit);
  EXPECT_EQ(own.error().error.message, "busy: 3 of your requests wait already");
  EXPECT_GE(own.error().retry_after_s, 1);
  run_->submit(run_->request({1, 2}, 5, "b"));
  run_->submit(run_->request({1, 2}, 5, "c"));
  const auto all = try_submit(run_->request({1, 2}, 5, "d"));
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().error.message, "busy: 5 requests wait already");
  run_->run_to_end();
  EXPECT_TRUE(try_submit(run_->request({1, 2}, 5, "a")));
}

TEST_F(SchedulerTest, limits_and_stop_texts_end_answers_as_they_do_alone) {
  const auto expect_alone = [&](GenerationRequest request, FinishReason reason) {
    const GenerateResult alone = run_->alone(request);
    EXPECT_EQ(alone.finish, reason);
    const Heard& heard = run_->submit(std::move(request));
    run_->run_to_end();
    ASSERT_TRUE(heard.done);
    if (alone.tokens.empty()) {
      EXPECT_EQ(heard.answers.at(0).reason, reason);
    } else {
      expect_same(heard.answers.at(0), alone);
    }
    EXPECT_EQ(heard.usage.n_completion, static_cast<int64_t>(alone.tokens.size()));
  };
  expect_alone(run_->request(run_->prompt(30), 0), FinishReason::kLength);
  expect_alone(run_->request(run_->prompt(30), 20), FinishReason::kLength);
  expect_alone(run_->request(run_->prompt(200), -1), FinishReason::kContextFull);
  expect_alone(run_->request(run_->prompt(256), -1), FinishReason::kContextFull);
  GenerationRequest request = run_->request(run_->prompt(20), 100);
  const std::string text = run_->alone(request).text;
  ASSERT_GE(text.size(), 12u);
  const auto is_ascii = [&](size_t i) { return static_cast<unsigned char>(text[i]) < 0x80; };
  size_t begin = 4;
  while (begin + 2 < text.size() && !(is_ascii(begin) && is_ascii(begin + 1))) ++begin;
  ASSERT_LT(begin + 2, text.size());
  request.answer.stop = {"never in it", text.substr(begin, 2)};
  const std::string stop = request.answer.stop[1];
  const uint64_t id = request.id;
  expect_alone(std::move(request), FinishReason::kStop);
  EXPECT_EQ(run_->heard(id).answers[0].stopped_by, stop);
}

TEST_F(SchedulerTest, several_answers_are_those_of_the_following_seeds) {
  for (const int n : {3, 7}) {  // with a place for each, and without
    GenerationRequest request = run_->request(run_->prompt(70), 30);
    request.n = n;
    request.answer.sampler.temperature = 1.5;
    request.answer.sampler.seed = 11;
    std::vector<GenerateResult> alone;
    for (int i = 0; i < n; ++i) alone.push_back(run_->alone(request, i));
    EXPECT_NE(alone[0].tokens, alone[1].tokens);
    const Heard& heard = run_->submit(std::move(request));
    const int64_t before = scheduler().figures().n_prompt_tokens;
    run_->run_to_end();
    ASSERT_EQ(heard.answers.size(), static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) expect_same(heard.answers.at(i), alone[static_cast<size_t>(i)]);
    // The prompt is computed once; whoever comes late computes its last token again.
    EXPECT_LE(scheduler().figures().n_prompt_tokens - before, 70 + n - 1);
    EXPECT_EQ(heard.usage.n_completion, 30 * n);
  }
}

TEST_F(SchedulerTest, a_second_turn_computes_only_what_is_new_and_gives_the_same_answer) {
  for (const char* const arch : {"llama", "gemma3"}) {
    SCOPED_TRACE(arch);
    load({.n_ctx = 256, .n_sequences = 2, .n_kept = 4, .max_batch = 64}, {}, arch);
    const Heard& first = run_->submit(run_->request(run_->prompt(100), 40));
    run_->run_to_end();
    EXPECT_EQ(first.n_cached, 0);
    std::vector<int32_t> second = run_->prompt(100);
    const auto& answer = first.answers.at(0).tokens;
    second.insert(second.end(), answer.begin(), answer.end());
    const auto more = run_->prompt(20, 7);
    second.insert(second.end(), more.begin(), more.end());
    GenerationRequest request = run_->request(second, 40);
    const GenerateResult alone = run_->alone(request);
    const Heard& resumed = run_->submit(std::move(request));
    run_->run_to_end();
    // The answer's tokens were computed in another form; the prompt's are reused.
    EXPECT_EQ(resumed.n_cached, 100);
    expect_same(resumed.answers.at(0), alone);
    // The same once more: all but the last token, which gives the logits.
    const Heard& again = run_->submit(run_->request(second, 40));
    const Heard& stranger = run_->submit(run_->request(second, 40, "b"));
    run_->run_to_end();
    EXPECT_EQ(again.n_cached, 159);
    EXPECT_EQ(stranger.n_cached, 0);
    expect_same(again.answers.at(0), alone);
    expect_same(stranger.answers.at(0), alone);
  }
}

TEST_F(SchedulerTest, a_changed_middle_reuses_what_is_before_it) {
  run_->submit(run_->request(run_->prompt(120), 5));
  run_->run_to_end();
  std::vector<int32_t> changed = run_->prompt(120);
  changed[77] = (changed[77] + 1) % run_->n_vocab();
  GenerationRequest request = run_->request(changed, 20);
  const GenerateResult alone = run_->alone(request);
  const Heard& heard = run_->submit(std::move(request));
  run_->run_to_end();
  EXPECT_EQ(heard.n_cached, 77);
  expect_same(heard.answers.at(0), alone);
}

TEST_F(SchedulerTest, a_deterministic_engine_reuses_answers_too) {
  load({.n_ctx = 256, .n_sequences = 2, .n_kept = 4, .max_batch = 64, .deterministic = true});
  const Heard& first = run_->submit(run_->request(run_->prompt(100), 40));
  run_->run_to_end();
  std::vector<int32_t> second = run_->prompt(100);
  const auto& answer = first.answers.at(0).tokens;
  second.insert(second.end(), answer.begin(), answer.end());
  second.push_back(1);
  GenerationRequest request = run_->request(second, 20);
  const GenerateResult alone = run_->alone(request);
  const Heard& heard = run_->submit(std::move(request));
  run_->run_to_end();
  EXPECT_EQ(heard.n_cached, 139);  // the answer's last token was never computed
  expect_same(heard.answers.at(0), alone);
}

TEST_F(SchedulerTest, a_step_beside_answers_takes_no_longer_than_its_bound) {
  load({.n_ctx = 2048, .n_sequences = 4, .max_batch = 512, .max_outputs = 4}, with_clock());
  clock_.prompt_ms = 4;
  clock_.answer_ms = 20;
  const Heard& writer = run_->submit(run_->request(run_->prompt(20), 300));
  while (writer.answers.empty() || writer.answers.at(0).tokens.size() < 10) scheduler().step();
  run_->submit(run_->request(run_->prompt(1500, 1), 5));
  double longest = 0;
  int largest = 0;
  while (scheduler().figures().n_running + scheduler().figures().n_waiting > 1) {
    ASSERT_TRUE(scheduler().step());
    const SchedulerFigures figures = scheduler().figures();
    longest = std::max(longest, figures.last_ms);
    largest = std::max(largest, figures.last_prompt_tokens);
    EXPECT_GE(figures.last_answer_tokens, 1);  // the writer goes on in every step
  }
  EXPECT_LE(longest, Scheduler::kBusyStepMs);
  EXPECT_GE(largest, 25);  // (0.8 * 150 - 20) / 4: the bound is used, too
}

TEST_F(SchedulerTest, a_step_beside_answers_keeps_its_bound_while_tokens_cost_more_and_more) {
  load({.n_ctx = 2048, .n_sequences = 4, .max_batch = 512, .max_outputs = 4}, with_clock());
  clock_.prompt_ms = 1;
  clock_.answer_ms = 5;
  const Heard& writer = run_->submit(run_->request(run_->prompt(20), 300));
  while (writer.answers.empty() || writer.answers.at(0).tokens.size() < 10) scheduler().step();
  run_->submit(run_->request(run_->prompt(1500, 1), 5));
  while (scheduler().figures().n_running + scheduler().figures().n_waiting > 1) {
    clock_.prompt_ms *= 1.08;
    ASSERT_TRUE(scheduler().step());
    if (scheduler().figures().last_prompt_tokens > Scheduler::kMinChunk) {
      EXPECT_LE(scheduler().figures().last_ms, Scheduler::kBusyStepMs);
    }
  }
}

TEST_F(SchedulerTest, a_short_request_waits_for_no_more_than_a_lone_step_of_a_long_prompt) {
  load({.n_ctx = 4096, .n_sequences = 4, .max_batch = 512, .max_outputs = 4}, with_clock());
  clock_.prompt_ms = 5;
  run_->submit(run_->request(run_->prompt(4000), 5, "long"));
  for (int i = 0; i < 4; ++i) scheduler().step();
  EXPECT_LE(scheduler().figures().last_ms, Scheduler::kLoneStepMs);
  EXPECT_EQ(scheduler().figures().last_prompt_tokens, 200);
  const double begin = clock_.now;
  const Heard& brief = run_->submit(run_->request(run_->prompt(60, 1), 5, "brief"));
  while (brief.answers.empty()) scheduler().step();
  // Half of each of the next steps is its own: its 60 tokens take three, as a step has 48 or more.
  EXPECT_LE(scheduler().figures().last_ms, Scheduler::kSharedStepMs);
  EXPECT_LE(clock_.now - begin, 3 * Scheduler::kSharedStepMs);
}

TEST_F(SchedulerTest, owners_share_the_prompts_tokens_of_a_step) {
  load({.n_ctx = 1024, .n_sequences = 8, .max_batch = 128, .max_outputs = 8}, with_clock());
  clock_.prompt_ms = 0.1;
  for (int i = 0; i < 5; ++i) run_->submit(run_->request(run_->prompt(900, i), 2, "many"));
  for (int i = 0; i < 3; ++i) scheduler().step();
  const Heard& one = run_->submit(run_->request(run_->prompt(600, 9), 2, "one"));
  int n_steps = 0;
  while (one.answers.empty()) {
    ASSERT_TRUE(scheduler().step());
    ++n_steps;
  }
  // Half of 128 tokens are its own in each step.
  EXPECT_LE(n_steps, 600 / 64 + 1);
}

TEST_F(SchedulerTest, a_short_prompt_does_not_wait_for_the_long_one_of_the_same_owner) {
  load({.n_ctx = 1024, .n_sequences = 4, .max_batch = 64, .max_outputs = 4}, with_clock());
  clock_.prompt_ms = 0.1;
  const Heard& lengthy = run_->submit(run_->request(run_->prompt(900, 0), 2));
  scheduler().step();
  const Heard& brief = run_->submit(run_->request(run_->prompt(60, 1), 2));
  for (int i = 0; i < 3 && brief.answers.empty(); ++i) ASSERT_TRUE(scheduler().step());
  // Half of 64 tokens are its own in each step.
  EXPECT_FALSE(brief.answers.empty());
  EXPECT_TRUE(lengthy.answers.empty());
}

// A step of few tokens is divided as well, where the machine is slow or answers are being written.
TEST_F(SchedulerTest, a_short_prompt_does_not_wait_for_the_long_one_on_a_slow_machine) {
  load({.n_ctx = 1024, .n_sequences = 4, .max_batch = 128, .max_outputs = 4}, with_clock());
  clock_.prompt_ms = 15;  // 20 tokens fit kSharedStepMs
  const Heard& lengthy = run_->submit(run_->request(run_->prompt(900, 0), 2));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(scheduler().step());
  const Heard& brief = run_->submit(run_->request(run_->prompt(60, 1), 2));
  for (int i = 0; i < 7 && brief.answers.empty(); ++i) ASSERT_TRUE(scheduler().step());
  EXPECT_FALSE(brief.answers.empty());
  EXPECT_TRUE(lengthy.answers.empty());
}

TEST_F(SchedulerTest, an_owner_with_nothing_gets_a_place_from_one_with_all) {
  std::vector<GenerationRequest> asked;
  for (int i = 0; i < 8; ++i) run_->submit(run_->request(run_->prompt(30, i), 100, "many"));
  for (int i = 0; i < 10; ++i) scheduler().step();
  EXPECT_EQ(scheduler().figures().n_running, 4);
  const Heard& one = run_->submit(run_->request(run_->prompt(30, 9), 10, "one"));
  for (int i = 0; i < 12 && !one.done; ++i) scheduler().step();
  EXPECT_TRUE(one.done);
  run_->run_to_end();
  for (uint64_t id = 1; id <= 8; ++id) {
    expect_same(run_->heard(id).answers[0],
                run_->alone(run_->request(run_->prompt(30, static_cast<int>(id) - 1), 100)));
  }
  EXPECT_EQ(scheduler().figures().n_put_back, 1);
}

TEST_F(SchedulerTest, within_an_owner_the_first_is_served_first) {
  load({.n_ctx = 256, .n_sequences = 1, .max_batch = 128});
  for (int i = 0; i < 4; ++i) run_->submit(run_->request(run_->prompt(10, i), 3));
  uint64_t next = 1;
  while (scheduler().has_requests()) {
    scheduler().step();
    if (run_->heard(next).done && next < 4) {
      EXPECT_FALSE(run_->heard(next + 1).done);
      ++next;
    }
  }
  EXPECT_EQ(next, 4u);
}

TEST_F(SchedulerTest, a_cancelled_request_is_gone_in_every_phase) {
  load({.n_ctx = 256, .n_sequences = 2, .n_kept = 2, .max_batch = 16});
  const Heard& writing = run_->submit(run_->request(run_->prompt(10), 200));
  while (writing.answers.empty()) scheduler().step();
  const Heard& reading = run_->submit(run_->request(run_->prompt(100, 1), 5));
  scheduler().step();
  ASSERT_TRUE(reading.started);
  ASSERT_TRUE(reading.answers.empty());
  const Heard& queued = run_->submit(run_->request(run_->prompt(10, 2), 5));
  scheduler().step();
  ASSERT_FALSE(queued.started);
  for (uint64_t id = 1; id <= 3; ++id) scheduler().cancel(id);
  scheduler().cancel(99);
  EXPECT_FALSE(scheduler().step());
  for (const Heard* const heard : {&writing, &reading, &queued}) {
    EXPECT_EQ(heard->n_ends, 1);
    EXPECT_EQ(heard->error.code, ErrorCode::kInterrupted);
  }
  EXPECT_EQ(scheduler().figures().n_running, 0);
  // What was computed of the prompt serves it when it comes again.
  const Heard& again = run_->submit(run_->request(run_->prompt(100, 1), 5));
  run_->run_to_end();
  EXPECT_GE(again.n_cached, 16);
}

TEST_F(SchedulerTest, another_thread_interrupts_a_step_of_the_cancelled_request_alone) {
  EngineSetup setup;
  setup.options = {.n_ctx = 4096, .n_sequences = 2, .max_batch = 4096};
  for (int round = 0; round < 5; ++round) {
    auto run = SchedulerRun::make("llama", setup);
    ASSERT_TRUE(run);
    Scheduler& one = (*run)->scheduler();
    const Heard& heard = (*run)->submit((*run)->request((*run)->prompt(3500), 50));
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
      one.cancel(1);
    });
    while (one.has_requests()) one.step();
    canceller.join();
    EXPECT_EQ(heard.n_ends, 1);
    EXPECT_TRUE(heard.done || heard.error.code == ErrorCode::kInterrupted);
  }
}

TEST_F(SchedulerTest, a_deadline_ends_a_request_and_no_other) {
  load({.n_ctx = 256, .n_sequences = 2, .max_batch = 128}, with_clock());
  GenerationRequest request = run_->request(run_->prompt(20), 200);
  request.deadline_ms = 60;
  const Heard& heard = run_->submit(std::move(request));
  const Heard& other = run_->submit(run_->request(run_->prompt(20, 1), 50));
  EXPECT_EQ(scheduler().next_deadline_ms(), 60);
  run_->run_to_end();
  EXPECT_EQ(heard.error.code, ErrorCode::kInterrupted);
  EXPECT_EQ(heard.error.message, "the deadline of 60 ms passed");
  EXPECT_TRUE(other.done);
  EXPECT_FALSE(scheduler().next_deadline_ms());
}

TEST_F(SchedulerTest, a_paused_request_computes_nothing_and_goes_on_as_if_it_never_was) {
  GenerationRequest request = run_->request(run_->prompt(20), 50);
  const GenerateResult alone = run_->alone(request);
  const Heard& heard = run_->submit(std::move(request));
  while (heard.answers.empty()) scheduler().step();
  scheduler().pause(1, true);
  const size_t n = heard.answers.at(0).tokens.size();
  EXPECT_FALSE(scheduler().step());
  // Others may have its place meanwhile.
  for (int i = 0; i < 5; ++i) run_->submit(run_->request(run_->prompt(10, i), 10));
  while (scheduler().step()) {
  }
  EXPECT_EQ(heard.answers.at(0).tokens.size(), n);
  EXPECT_TRUE(run_->heard(6).done);
  scheduler().pause(1, false);
  run_->run_to_end();
  expect_same(heard.answers.at(0), alone);
}

TEST_F(SchedulerTest, the_prompts_logprobs_are_those_of_evaluate) {
  GenerationRequest request = run_->request(run_->prompt(150), 4);
  request.prompt_logprobs = true;
  request.answer.n_logprobs = 3;
  const Heard& heard = run_->submit(std::move(request));
  run_->submit(run_->request(run_->prompt(50, 3), 40));
  run_->run_to_end();
  ASSERT_TRUE(heard.done) << heard.error.message;
  const auto oracle = logprobs(
      run_->engine(), run_->prompt(150), 3, [](uint64_t, uint64_t) {}, nullptr);
  ASSERT_TRUE(oracle);
  ASSERT_EQ(heard.prompt_logprobs.size(), 149u);
  for (size_t i = 0; i < 149; ++i) {
    EXPECT_EQ(heard.prompt_logprobs[i].chosen.id, run_->prompt(150)[i + 1]);
    EXPECT_EQ(heard.prompt_logprobs[i].top, (*oracle)[i].top);
  }
}

TEST_F(SchedulerTest, guesses_change_no_token_and_save_steps_where_they_are_right) {
  load({.n_ctx = 512, .n_sequences = 2, .max_batch = 64, .max_outputs = 32}, with_clock());
  clock_.answer_ms = 0.5;
  clock_.step_ms = 20;
  for (const double temperature : {0.0, 1.0}) {
    GenerationRequest request = run_->request(run_->prompt(30), 300);
    // Two tokens: such answers repeat themselves.
    request.answer.sampler.logit_bias = {{65, 1000.0}, {66, 1000.0}};
    request.answer.sampler.temperature = temperature;
    request.answer.sampler.seed = 3;
    const GenerateResult alone = run_->alone(request);
    const int64_t before = scheduler().figures().n_steps;
    const Heard& heard = run_->submit(std::move(request));
    run_->run_to_end();
    expect_same(heard.answers.at(0), alone);
    EXPECT_GT(heard.usage.n_accepted, 60);
    // The prompt's step gives a token, and the last step may give less than it verified.
    EXPECT_LE(scheduler().figures().n_steps - before, 301 - heard.usage.n_accepted);
  }
}

TEST_F(SchedulerTest, guesses_that_do_not_pay_stop) {
  // Each row costs as much as a step: a guess that is right gains nothing.
  load({.n_ctx = 512, .n_sequences = 2, .max_batch = 64, .max_outputs = 32}, with_clock());
  clock_.answer_ms = 20;
  GenerationRequest request = run_->request(run_->prompt(30), 300);
  request.answer.sampler.logit_bias = {{65, 1000.0}, {66, 1000.0}};
  const GenerateResult alone = run_->alone(request);
  const Heard& heard = run_->submit(std::move(request));
  run_->run_to_end();
  expect_same(heard.answers.at(0), alone);
  EXPECT_GT(heard.usage.n_drafted, 0);
  EXPECT_LT(heard.usage.n_drafted, 60);
  // What is wrong is tried ever more seldom, however cheap.
  StepCost cost;
  for (int rows = 1; rows <= 16; ++rows) cost.add(0, rows, 20 + rows);
  GuessWatch watch;
  int n_guessed = 0;
  for (int step = 0; step < 5000; ++step) {
    const int n = watch.n_worth(cost, 1);
    n_guessed += n;
    watch.add(n, 0);
  }
  EXPECT_LT(n_guessed, 100);
  // And what became right again is noticed.
  int n_right = 0;
  for (int step = 0; step < 5000; ++step) {
    const int n = watch.n_worth(cost, 1);
    n_right += n;
    watch.add(n, n);
  }
  EXPECT_GT(n_right, 10000);
}

// What guess_next says, plainly.
std::vector<int32_t> naive_guess(const std::vector<int32_t>& tokens, int n_most) {
  for (size_t length = 16; length >= kMinMatch; --length) {
    for (size_t end = tokens.size() - 1; end >= length && end < tokens.size(); --end) {
      if (length > tokens.size()) break;
      if (!std::equal(tokens.end() - static_cast<std::ptrdiff_t>(length), tokens.end(),
                      tokens.begin() + static_cast<std::ptrdiff_t>(end - length))) {
        continue;
      }
      std::vector<int32_t> all = tokens;
      while (all.size() < tokens.size() + static_cast<size_t>(n_most)) {
        all.push_back(all[end + all.size() - tokens.size()]);
      }
      return {all.end() - n_most, all.end()};
    }
  }
  return {};
}

TEST(Speculate, what_followed_the_longest_match_is_guessed) {
  EXPECT_TRUE(guess_next({}, 4).empty());
  EXPECT_EQ(guess_next(std::vector<int32_t>{1, 2, 3, 4, 5, 1, 2, 3}, 4),
            (std::vector<int32_t>{4, 5, 1, 2}));
  std::mt19937 random(9);
  size_t n_found = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<int32_t> tokens(1 + random() % 60);
    for (int32_t& id : tokens) id = static_cast<int32_t>(random() % 2);
    const int n_most = static_cast<int>(random() % 9);
    const auto guessed = guess_next(tokens, n_most);
    if (n_most > 0) {
      ASSERT_EQ(guessed, naive_guess(tokens, n_most));
    }
    n_found += !guessed.empty();
  }
  EXPECT_GT(n_found, 1500u);
}

// Lets only every third token come, and ends after ten.
class EveryThird : public sample::TokenMask {
 public:
  explicit EveryThird(int n_vocab) {
    words_.assign((static_cast<size_t>(n_vocab) + 63) / 64, 0);
    for (size_t i = 0; i < static_cast<size_t>(n_vocab); i += 3) words_[i / 64] |= 1ull << (i % 64);
  }
  std::span<const uint64_t> allowed() override { return words_; }
  Status accept(int32_t id) override {
    if (id % 3 != 0) return invalid("token {} was not allowed", id);
    ++n_;
    return {};
  }
  bool complete() const override { return n_ == 10; }
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<EveryThird>(*this); }

 private:
  std::vector<uint64_t> words_;
  int n_ = 0;
};

TEST_F(SchedulerTest, a_mask_holds_each_answer_and_its_end_ends_them) {
  GenerationRequest request = run_->request(run_->prompt(20), 50);
  request.n = 3;
  request.answer.sampler.temperature = 1.5;
  request.answer.sampler.seed = 1;
  request.mask = std::make_unique<EveryThird>(run_->n_vocab());
  const Heard& heard = run_->submit(std::move(request));
  run_->run_to_end();
  ASSERT_EQ(heard.answers.size(), 3u);
  for (const auto& [i, answer] : heard.answers) {
    EXPECT_EQ(answer.tokens.size(), 10u);
    EXPECT_EQ(answer.reason, FinishReason::kStop);
    for (const int32_t id : answer.tokens) EXPECT_EQ(id % 3, 0);
  }
  EXPECT_NE(heard.answers.at(0).tokens, heard.answers.at(1).tokens);
}

TEST_F(SchedulerTest, what_a_guide_forces_comes_and_the_model_goes_on_from_it) {
  GenerationRequest request = run_->request(run_->prompt(20), 30);
  const std::vector<int32_t> forced{5, 6, 7};
  request.make_guide = [&] {
    return [&, n = 0](int32_t) mutable { return ++n == 10 ? forced : std::vector<int32_t>(); };
  };
  const Heard& heard = run_->submit(std::move(request));
  run_->run_to_end();
  const std::vector<int32_t>& tokens = heard.answers.at(0).tokens;
  ASSERT_EQ(tokens.size(), 30u);
  EXPECT_TRUE(std::equal(forced.begin(), forced.end(), tokens.begin() + 10));
  // The rest is what follows them: an answer's tokens, so the oracle feeds them as such.
  Engine& engine = run_->engine();
  auto sequence = engine.open_sequence();
  ASSERT_TRUE(sequence);
  test::Rows rows;
  ASSERT_TRUE(test::feed(engine, *sequence, run_->prompt(20), 20, rows, Role::kPrompt));
  ASSERT_TRUE(test::feed(engine, *sequence, std::span(tokens).first(13), 13, rows));
  const auto last = std::span(rows).last(static_cast<size_t>(run_->n_vocab()));
  EXPECT_EQ(tokens[13], std::max_element(last.begin(), last.end()) - last.begin());
}

TEST(SchedulerBroken, numbers_that_are_none_end_one_request_and_leave_its_neighbours_alone) {
  constexpr int32_t kBad = 40;
  EngineSetup setup;
  setup.options = {
      .n_ctx = 256, .n_sequences = 4, .n_kept = 4, .n_positions = 400, .max_batch = 64};
  auto toy = test::make_toy_model({.arch = "llama", .seed = 5, .vocabulary = true});
  ASSERT_TRUE(toy);
  const int at = toy->find("token_embd.weight");
  ASSERT_GE(at, 0);
  auto& data = toy->data[static_cast<size_t>(at)];
  const size_t row =
      data.size() / static_cast<size_t>(toy->tensors[static_cast<size_t>(at)].shape[0]);
  const float bad = std::numeric_limits<float>::quiet_NaN();
  for (size_t i = 0; i < row; i += 4) std::memcpy(&data[row * kBad + i], &bad, 4);
  auto run = SchedulerRun::make(*toy, setup);
  ASSERT_TRUE(run) << run.error().message;
  std::vector<Heard*> broken;
  std::vector<std::vector<int32_t>> good;
  for (int i = 0; i < 12; ++i) {
    std::vector<int32_t> prompt;
    for (int t = 0; t < 30; ++t) prompt.push_back((t * (i + 3) + i) % kBad);
    good.push_back(prompt);
    (*run)->submit((*run)->request(prompt, 40, i % 2 == 0 ? "a" : "b"));
    prompt[static_cast<size_t>(i * 2)] = kBad;
    broken.push_back(&(*run)->submit((*run)->request(prompt, 40, i % 2 == 0 ? "a" : "b")));
  }
  (*run)->run_to_end();
  for (const Heard* const heard : broken) {
    EXPECT_EQ(heard->error.code, ErrorCode::kNumeric) << heard->error.message;
    EXPECT_TRUE(heard->answers.empty());
  }
  for (uint64_t i = 0; i < good.size(); ++i) {
    const Heard& heard = (*run)->heard(1 + 2 * i);
    const GenerateResult alone = (*run)->alone((*run)->request(good[i], 40));
    ASSERT_EQ(heard.answers.size(), 1u);
    expect_same(heard.answers.at(0), alone);
  }
}

TEST(StepCost, is_learnt_between_and_beyond_what_was_measured) {
  StepCost cost;
  EXPECT_EQ(cost.answer_ms(3), 0);
  EXPECT_FALSE(cost.knows(1));
  cost.add(0, 2, 20);
  cost.add(0, 6, 40);
  EXPECT_EQ(cost.answer_ms(1), 20);
  EXPECT_EQ(cost.answer_ms(2), 20);
  EXPECT_EQ(cost.answer_ms(4), 30);
  EXPECT_EQ(cost.answer_ms(6), 40);
  EXPECT_EQ(cost.answer_ms(12), 80);
  EXPECT_TRUE(cost.knows(6));
  EXPECT_FALSE(cost.knows(7));
  cost.add(10, 2, 120);  // 100 ms of them for the prompt
  EXPECT_EQ(cost.prompt_token_ms(), 10);
  EXPECT_EQ(cost.prompt_tokens_within(100), 10);
  EXPECT_EQ(cost.prompt_tokens_within(0), 1);
  // Larger ones are guessed to take as long each, smaller ones longer, until they are measured.
  EXPECT_EQ(cost.prompt_tokens_within(1000), 100);
  EXPECT_EQ(cost.prompt_tokens_within(62.5), 5);
  cost.add(64, 0, 64 * 5);
  EXPECT_EQ(cost.prompt_tokens_within(1000), 200);
  EXPECT_EQ(cost.prompt_tokens_within(100), 10);
  for (int i = 0; i < 60; ++i) cost.add(0, 2, 10);
  EXPECT_NEAR(cost.answer_ms(2), 10, 0.01);
}

}  // namespace
}  // namespace hearth::engine

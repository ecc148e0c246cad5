// SPDX-License-Identifier: MIT
// Many requests on one engine: continuous batching. Each step is one batch of every running
// answer's newest token and of chunks of prompts. docs/design/0003-scheduler.md has the reasons.
//
// What is promised:
// - An answer's tokens are those of the request alone on the engine, whatever runs beside it,
//   whatever is cached, and however often it is put back. A prompt is never cut.
// - While answers are being written, a step takes at most kBusyStepMs as far as prompts are
//   concerned: their chunks are chosen by measured time (never less than kMinChunk tokens). Prompts
//   of several requests and no answer: kSharedStepMs. One request alone: kLoneStepMs, which is what
//   a short request may wait for behind a long prompt; cancel interrupts such a step.
// - Owners take turns by the tokens computed for them (the one served least comes next; whoever is
//   new begins at the least of the others). Within an owner requests get places in the order in
//   which they came, and the prompts that have one share each step. An owner who runs nothing gets
//   a place from the one who has most.
// - Where pages of the cache are missing, the least recently used cached prefixes go first, then
//   the newest answer of whoever runs most is put back: its tokens are kept, and computed again
//   later, each in the form in which it was first (Role). The oldest answer is never put back, so
//   everything ends.
// - Tokens are guessed ahead where that pays (speculate.h), in steps without prompts; the answer is
//   the same.
// - A queue beyond its bounds refuses at once.
// - A cancelled request is gone before the next step, and within a step that computes only for it.
//
// Thread rule: one thread, except cancel.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/generation.h"
#include "engine/prefix_cache.h"
#include "engine/scheduler_state.h"
#include "engine/step_cost.h"
#include "text/tokenizer.h"

namespace hearth::engine {

struct SchedulerOptions {
  int max_waiting = 512;           // requests
  int max_waiting_per_owner = 64;  // requests
  bool guess_ahead = true;         // speculate.h; changes no token
  // A clock for tests; milliseconds from any begin, never backwards.
  std::function<double()> clock_ms;
};

struct Refusal {
  Error error;
  int64_t retry_after_s = 0;  // > 0: busy, the same request may succeed then
};

struct SchedulerFigures {
  int n_waiting = 0, n_running = 0;  // answers
  int n_cached_prefixes = 0;
  int n_pages = 0, n_free_pages = 0;  // of the layers that see the whole context
  int64_t n_steps = 0;
  int64_t n_prompt_tokens = 0;  // computed, by all steps
  int64_t n_answer_tokens = 0;
  int64_t n_put_back = 0;
  // Of the last step.
  int last_prompt_tokens = 0, last_answer_tokens = 0;
  double last_ms = 0;
};

class Scheduler {
 public:
  static constexpr double kBusyStepMs = 150.0;
  static constexpr double kSharedStepMs = 300.0;
  static constexpr double kLoneStepMs = 1000.0;
  static constexpr int kMinChunk = 16;
  static constexpr int kMaxAnswers = 64;  // of one request

  // Both must outlive the scheduler, which opens up to n_sequences + n_kept sequences.
  Scheduler(Engine& engine, const text::Tokenizer& tokenizer, SchedulerOptions options = {});
  ~Scheduler();

  // Refused at once: the queue is full, the prompt is empty or does not fit the context, parameters
  // out of range. The sink is then never called.
  tl::expected<void, Refusal> submit(GenerationRequest request,
                                     std::unique_ptr<GenerationSink> sink);
  // From any thread, also for requests that are gone. The sink gets a kInterrupted error.
  void cancel(uint64_t id);
  // While paused, nothing is computed for the request; it keeps what it has as long as nobody else
  // needs it.
  void pause(uint64_t id, bool paused);

  // One step of the engine. False where there was nothing to compute.
  bool step();

  bool has_requests() const { return !requests_.empty(); }
  // Milliseconds until the next deadline of a request; step() ends those that are overdue.
  std::optional<double> next_deadline_ms() const;
  SchedulerFigures figures() const;

 private:
  using Owner = scheduling::Owner;
  using Request = scheduling::Request;
  using Stream = scheduling::Stream;
  using Planned = scheduling::Planned;

  double now_ms() const { return options_.clock_ms(); }

  // Requests: scheduler.cpp
  tl::expected<void, Refusal> check(const GenerationRequest& request) const;
  tl::expected<void, Refusal> check_queue(const GenerationRequest& request) const;
  int64_t retry_after_s() const;
  Owner& owner_of(const std::string& name);
  void drop_ended();
  void obey_cancels();
  void end_overdue();
  void end(Request& request);
  void fail(Request& request, const Error& error);

  // Who runs: scheduler_admit.cpp
  void admit();
  Stream* next_waiting();
  bool make_way(const Stream& next);
  bool fits(const Stream& stream) const;
  void start(Stream& stream);
  Status make_answer(Stream& stream);
  void run_with(Stream& stream, Sequence sequence);
  void stop_running(Stream& stream);
  void put_back(Stream& stream);
  bool put_back_paused();
  Stream* newest_of_busiest(int at_least);
  bool make_room();

  // Steps: scheduler_step.cpp
  bool plan(bool guess);
  void plan_answers();
  void plan_prompts();
  void plan_guesses();
  int prompt_budget() const;
  double step_aim_ms(int n_answers) const;
  int pending(const Stream& stream) const;
  void add_prompt(Stream& stream, int n);
  void run_step();
  Status run_engine();
  void take_results(const Planned& planned, int row);
  bool give_prompt_logprobs(const Planned& planned, int row);
  void begin_answers(Stream& stream, int row);
  void take_tokens(const Planned& planned, Stream& stream, int row);
  void give_piece(Stream& stream, size_t n_tokens);
  void finish(Stream& stream);

  Engine& engine_;
  const text::Tokenizer& tokenizer_;
  SchedulerOptions options_;
  size_t n_places_;  // streams that may run together
  PrefixCache cache_;
  StepCost cost_;
  std::map<std::string, std::unique_ptr<Owner>> owners_;
  std::map<uint64_t, std::unique_ptr<Request>> requests_;  // by id
  std::vector<std::unique_ptr<Request>> ended_;
  std::vector<Stream*> running_;  // in the order in which they began to run
  uint64_t next_order_ = 0;
  std::vector<Planned> plan_;
  std::vector<StepPart> parts_;
  SchedulerFigures figures_;

  mutable std::mutex mutex_;           // of what follows
  std::vector<uint64_t> cancels_;      // asked for, not yet obeyed
  std::optional<uint64_t> computing_;  // the only request of the step that runs now
  std::atomic<bool> interrupt_{false};
};

}  // namespace hearth::engine

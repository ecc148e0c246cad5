// SPDX-License-Identifier: MIT
// One step: what it computes, and what becomes of the results.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/scheduler.h"

namespace hearth::engine {
namespace {

using namespace scheduling;

// Until a prompt was measured: large enough to measure well, small enough to be short on any
// machine.
constexpr int kFirstChunk = 64;
// Of kBusyStepMs: chunks are chosen by what the last ones took, and the next takes longer the more
// stands before it, or where the machine does something else.
constexpr double kBusyAim = 0.8;
// What a prompt gets at most before the next one's turn within a step.
constexpr int kTurn = 32;

}  // namespace

bool Scheduler::step() {
  drop_ended();
  obey_cancels();
  end_overdue();
  admit();
  for (bool guess = options_.guess_ahead; plan(guess); guess = false) {
    if (engine_.reserve(parts_)) {
      run_step();
      return true;
    }
    if (guess || make_room()) continue;
    // One answer alone, and nothing cached: the engine was made with fewer pages than its context.
    fail(*plan_.front().stream->request,
         {ErrorCode::kNoMemory, "the KV cache is too small for this request", ""});
  }
  return false;
}

bool Scheduler::plan(bool guess) {
  plan_.clear();
  parts_.clear();
  plan_answers();
  plan_prompts();
  if (guess) plan_guesses();
  for (Planned& planned : plan_) {
    Stream& stream = *planned.stream;
    std::span<const int32_t> tokens = stream.tokens;
    tokens =
        tokens.subspan(static_cast<size_t>(stream.n_done()), static_cast<size_t>(planned.n_tokens));
    if (!planned.guessed.empty()) {
      planned.fed.assign(tokens.begin(), tokens.end());
      planned.fed.insert(planned.fed.end(), planned.guessed.begin(), planned.guessed.end());
      tokens = planned.fed;
    }
    parts_.push_back({&*stream.sequence, tokens, planned.want, planned.role});
  }
  return !parts_.empty();
}

void Scheduler::plan_answers() {
  for (Stream* const stream : running_) {
    if (stream->request->paused || !is_decoding(*stream)) continue;
    plan_.push_back({stream, 1, Role::kAnswer, Want::kLast, {}, {}});
  }
}

double Scheduler::step_aim_ms(int n_answers) const {
  if (n_answers > 0) return kBusyAim * kBusyStepMs;
  const Request* only = nullptr;
  for (const Stream* const stream : running_) {
    if (stream->request->paused) continue;
    if (only != nullptr && stream->request != only) return kSharedStepMs;
    only = stream->request;
  }
  return kLoneStepMs;
}

// How many tokens of prompts fit this step.
int Scheduler::prompt_budget() const {
  const auto n_answers = static_cast<int>(plan_.size());
  const int room = engine_.max_batch() - n_answers;
  const double ms = step_aim_ms(n_answers) - cost_.answer_ms(n_answers);
  const int n = cost_.prompt_tokens_within(ms);
  return std::min(room, n > 0 ? std::max(n, kMinChunk) : kFirstChunk);
}

// Tokens up to the end of the prompt, or of what is known of the answer.
int Scheduler::pending(const Stream& stream) const {
  const int end = in_prompt(stream) ? stream.request->n_prompt() : stream.n_known();
  const int n = end - stream.n_done();
  if (!in_prompt(stream) || !stream.request->asked.prompt_logprobs) return n;
  // Each token's result is wanted, and every other answer may want one.
  return std::min(n, engine_.max_outputs() - static_cast<int>(running_.size()) + 1);
}

void Scheduler::plan_prompts() {
  std::vector<Stream*> open;  // in order of arrival
  for (Stream* const stream : running_) {
    if (!stream->request->paused && !is_decoding(*stream)) open.push_back(stream);
  }
  if (open.empty()) return;
  std::sort(open.begin(), open.end(),
            [](const Stream* a, const Stream* b) { return a->order < b->order; });
  std::vector<int> given(open.size(), 0);
  std::map<const Owner*, uint64_t> computed;  // with what this step gives
  for (const Stream* const stream : open) {
    computed[stream->request->owner] = stream->request->owner->n_computed;
  }
  const int budget = prompt_budget();
  // Each has a turn in each step, also where a step takes few tokens.
  const int turn_tokens = std::clamp(budget / static_cast<int>(open.size()), 1, kTurn);
  for (int left = budget; left > 0;) {
    size_t best = open.size();
    for (size_t i = 0; i < open.size(); ++i) {
      if (given[i] >= pending(*open[i])) continue;
      const auto turn = [&](size_t k) {
        return std::pair(computed[open[k]->request->owner], given[k]);
      };
      if (best == open.size() || turn(i) < turn(best)) best = i;
    }
    if (best == open.size()) break;
    const int n = std::min({left, turn_tokens, pending(*open[best]) - given[best]});
    given[best] += n;
    computed[open[best]->request->owner] += static_cast<uint64_t>(n);
    left -= n;
  }
  for (size_t i = 0; i < open.size(); ++i) {
    if (given[i] > 0) add_prompt(*open[i], given[i]);
  }
}

void Scheduler::add_prompt(Stream& stream, int n) {
  Planned planned{&stream,        n,  in_prompt(stream) ? Role::kPrompt : Role::kAnswer,
                  Want::kNothing, {}, {}};
  if (stream.n_done() + n == stream.n_known()) planned.want = Want::kLast;
  if (in_prompt(stream) && stream.request->asked.prompt_logprobs) planned.want = Want::kAll;
  plan_.push_back(std::move(planned));
}

// Only beside no prompt: what time there is belongs to prompts.
void Scheduler::plan_guesses() {
  const auto is_prompt = [](const Planned& planned) { return !is_decoding(*planned.stream); };
  if (std::any_of(plan_.begin(), plan_.end(), is_prompt)) return;
  auto n_rows = static_cast<int>(plan_.size());
  const int room = std::min(engine_.max_batch(), engine_.max_outputs());
  for (Planned& planned : plan_) {
    Stream& stream = *planned.stream;
    const auto n_left = static_cast<int>(std::min<int64_t>(
        {room - n_rows, engine_.n_ctx() - stream.n_known(), stream.answer->n_left() - 1}));
    if (n_left <= 0) continue;
    const int n_worth = stream.guesses.n_worth(cost_, n_rows);
    std::vector<int32_t> guessed = guess_next(stream.tokens, std::min(n_left, n_worth));
    if (guessed.empty()) continue;
    n_rows += static_cast<int>(guessed.size());
    planned.guessed = std::move(guessed);
    planned.want = Want::kAll;
  }
}

// Runs the engine so that cancel() can interrupt it where all of the step is of one request.
Status Scheduler::run_engine() {
  std::optional<uint64_t> only = plan_.front().stream->request->asked.id;
  for (const Planned& planned : plan_) {
    if (planned.stream->request->asked.id != only) only.reset();
  }
  {
    const std::lock_guard lock(mutex_);
    computing_ = only;
    interrupt_ = only && std::find(cancels_.begin(), cancels_.end(), *only) != cancels_.end();
  }
  const Status status = engine_.step(parts_, &interrupt_);
  const std::lock_guard lock(mutex_);
  computing_.reset();
  return status;
}

void Scheduler::run_step() {
  int n_prompt = 0, n_answer = 0;
  for (const Planned& planned : plan_) {
    const int n = planned.n_tokens + static_cast<int>(planned.guessed.size());
    (is_decoding(*planned.stream) ? n_answer : n_prompt) += n;
    planned.stream->request->owner->n_computed += static_cast<uint64_t>(n);
  }
  ++figures_.n_steps;
  figures_.last_prompt_tokens = n_prompt;
  figures_.last_answer_tokens = n_answer;
  const double begin = now_ms();
  const Status status = run_engine();
  figures_.last_ms = now_ms() - begin;
  if (!status) {
    if (status.error().code == ErrorCode::kInterrupted) return;  // obeyed before the next step
    for (const Planned& planned : plan_) {
      Request& request = *planned.stream->request;
      if (!request.ended) fail(request, status.error());
    }
    return;
  }
  cost_.add(n_prompt, n_answer, figures_.last_ms);
  figures_.n_prompt_tokens += n_prompt;
  figures_.n_answer_tokens += n_answer;
  int row = 0;
  for (const Planned& planned : plan_) {
    if (!planned.stream->request->ended) take_results(planned, row);
    row += planned.n_rows();
  }
}

void Scheduler::take_results(const Planned& planned, int row) {
  Stream& stream = *planned.stream;
  if (planned.want == Want::kAll && planned.role == Role::kPrompt) {
    if (!give_prompt_logprobs(planned, row)) return;
    row += planned.n_tokens - 1;
  }
  if (stream.n_done() < stream.n_known()) return;
  if (stream.answer->tokens().empty()) return begin_answers(stream, row);
  take_tokens(planned, stream, row);
}

bool Scheduler::give_prompt_logprobs(const Planned& planned, int row) {
  Stream& stream = *planned.stream;
  Request& request = *stream.request;
  const auto n_top = static_cast<size_t>(std::max(0, request.asked.answer.n_logprobs));
  std::vector<sample::PositionLogprobs> list;
  const int first = stream.n_done() - planned.n_tokens;
  for (int i = 0; i < planned.n_tokens; ++i) {
    const int next = first + i + 1;  // the token that this row is the distribution of
    if (next >= request.n_prompt() || next <= request.n_prompt_logprobs) continue;
    auto entry = sample::position_logprobs(engine_.output(row + i),
                                           stream.tokens[static_cast<size_t>(next)], n_top);
    if (!entry) {
      fail(request, entry.error());
      return false;
    }
    list.push_back(std::move(*entry));
    request.n_prompt_logprobs = next;
  }
  if (!list.empty()) request.sink->on_prompt_logprobs(list);
  return true;
}

// The prompt is complete: the other answers of the request that find a place go on from here too.
void Scheduler::begin_answers(Stream& stream, int row) {
  Request& request = *stream.request;
  if (const auto usable = sample::checked_highest(engine_.output(row)); !usable) {
    return fail(request, usable.error());
  }
  cache_.keep(request.owner->name, *stream.sequence);
  std::vector<Stream*> begun{&stream};
  for (const auto& other : request.streams) {
    if (other->answer || running_.size() >= n_places_) continue;
    if (const Status made = make_answer(*other); !made) return fail(request, made.error());
    auto copy = engine_.fork(*stream.sequence);
    if (!copy) return fail(request, copy.error());
    run_with(*other, std::move(*copy));
    begun.push_back(other.get());
  }
  if (!request.first_token_ms) {
    request.first_token_ms = now_ms();
    request.usage.prefill_ms = *request.first_token_ms - *request.started_ms;
  }
  for (Stream* const one : begun) {
    if (one->answer->n_left() > 0) {
      take_tokens({}, *one, row);
    } else {
      one->answer->finish(FinishReason::kLength);
      finish(*one);
    }
    if (request.ended) return;
  }
}

void Scheduler::take_tokens(const Planned& planned, Stream& stream, int row) {
  size_t n_taken = 0;
  for (;;) {
    const auto id = stream.answer->take(engine_.output(row + static_cast<int>(n_taken)));
    if (!id) return fail(*stream.request, id.error());
    stream.tokens.push_back(*id);
    ++n_taken;
    if (stream.answer->is_finished()) break;
    if (stream.n_known() > engine_.n_ctx()) {
      stream.answer->finish(FinishReason::kContextFull);
      break;
    }
    if (n_taken > planned.guessed.size() || planned.guessed[n_taken - 1] != *id) break;
  }
  stream.request->usage.n_completion += static_cast<int64_t>(n_taken);
  // What was guessed wrong goes; the newest token is computed by the next step.
  if (!planned.guessed.empty()) {
    stream.sequence->truncate(stream.n_known() - 1);
    const auto n_guessed = static_cast<int>(planned.guessed.size());
    const auto n_accepted = static_cast<int>(n_taken) - 1;
    stream.guesses.add(n_guessed, n_accepted);
    stream.request->usage.n_drafted += n_guessed;
    stream.request->usage.n_accepted += n_accepted;
  }
  give_piece(stream, n_taken);
  if (stream.answer->is_finished()) finish(stream);
}

void Scheduler::give_piece(Stream& stream, size_t n_tokens) {
  const std::string text = stream.answer->take_text();
  const auto logprobs = stream.answer->take_logprobs();
  stream.request->sink->on_piece(
      {stream.i_answer, stream.answer->tokens().last(n_tokens), text, logprobs});
}

void Scheduler::finish(Stream& stream) {
  Request& request = *stream.request;
  // Where answers are computed as prompts are, they may be the beginning of a later prompt.
  if (engine_.deterministic()) cache_.keep(request.owner->name, *stream.sequence);
  stop_running(stream);
  request.sink->on_finished(stream.i_answer, stream.answer->reason(), stream.answer->stopped_by());
  if (--request.n_unfinished > 0) return;
  request.usage.decode_ms = now_ms() - *request.first_token_ms;
  request.sink->on_done(request.usage);
  end(request);
}

}  // namespace hearth::engine

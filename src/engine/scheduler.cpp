// SPDX-License-Identifier: MIT
// Requests: how they come and go.
#include "engine/scheduler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/clock.h"

namespace hearth::engine {
namespace {

using namespace scheduling;

tl::unexpected<Refusal> refuse(Failure failure, int64_t retry_after_s = 0) {
  return tl::unexpected<Refusal>(Refusal{std::move(failure).value(), retry_after_s});
}

AnswerParams params_of(const GenerationRequest& request, int i_answer) {
  AnswerParams params = request.answer;
  if (params.sampler.seed >= 0) params.sampler.seed += i_answer;
  return params;
}

}  // namespace

Scheduler::Scheduler(Engine& engine, const text::Tokenizer& tokenizer, SchedulerOptions options)
    : engine_(engine),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      n_places_(static_cast<size_t>(
          std::min({engine.n_sequences(), engine.max_batch(), engine.max_outputs()}))),
      cache_(engine, engine.n_kept()) {
  if (!options_.clock_ms) {
    options_.clock_ms = [watch = Stopwatch()] { return watch.elapsed_ms(); };
  }
}

Scheduler::~Scheduler() = default;

tl::expected<void, Refusal> Scheduler::check(const GenerationRequest& request) const {
  if (request.prompt.empty()) {
    return refuse(with_hint(invalid("the prompt is empty"), "give at least one token of text"));
  }
  if (request.prompt.size() > static_cast<size_t>(engine_.n_ctx())) {
    return refuse(with_hint(over_limit("the prompt has {} tokens, the context holds {}",
                                       request.prompt.size(), engine_.n_ctx()),
                            "use a longer context (-c) or a shorter prompt"));
  }
  for (const int32_t token : request.prompt) {
    if (token >= 0 && token < engine_.hparams().V) continue;
    return refuse(
        invalid("token {} is outside of the vocabulary of {}", token, engine_.hparams().V));
  }
  if (request.n < 1 || request.n > kMaxAnswers) {
    return refuse(invalid("n is {}, it must be between 1 and {}", request.n, kMaxAnswers));
  }
  if (requests_.contains(request.id)) return refuse(invalid("request {} exists", request.id));
  return {};
}

tl::expected<void, Refusal> Scheduler::check_queue(const GenerationRequest& request) const {
  const auto n_waiting = [](const Owner& owner) {
    const Request* last = nullptr;
    int n = 0;
    for (const Stream* const stream : owner.waiting) {
      n += stream->request != last;
      last = stream->request;
    }
    return n;
  };
  int total = 0, own = 0;
  for (const auto& [name, owner] : owners_) {
    const int n = n_waiting(*owner);
    total += n;
    if (name == request.owner) own = n;
  }
  if (own >= options_.max_waiting_per_owner) {
    return refuse(over_limit("busy: {} of your requests wait already", own), retry_after_s());
  }
  if (total >= options_.max_waiting) {
    return refuse(over_limit("busy: {} requests wait already", total), retry_after_s());
  }
  return {};
}

// As long as the prompts that wait take, at the pace of the last ones.
int64_t Scheduler::retry_after_s() const {
  double ms = 0;
  for (const auto& [id, request] : requests_) {
    if (!request->started_ms) ms += cost_.prompt_token_ms() * request->n_prompt();
  }
  return std::clamp<int64_t>(std::llround(ms / 1000.0), 1, 60);
}

scheduling::Owner& Scheduler::owner_of(const std::string& name) {
  auto& slot = owners_[name];
  if (slot) return *slot;
  slot = std::make_unique<Owner>();
  slot->name = name;
  bool first = true;
  for (const auto& [other_name, other] : owners_) {
    if (other == slot) continue;
    slot->n_computed = first ? other->n_computed : std::min(slot->n_computed, other->n_computed);
    first = false;
  }
  return *slot;
}

tl::expected<void, Refusal> Scheduler::submit(GenerationRequest asked,
                                              std::unique_ptr<GenerationSink> sink) {
  if (auto checked = check(asked); !checked) return checked;
  if (auto checked = check_queue(asked); !checked) return checked;
  auto request = std::make_unique<Request>();
  request->model = sampler_model(tokenizer_, static_cast<size_t>(engine_.hparams().V),
                                 static_cast<size_t>(engine_.n_ctx()), asked.answer.sampler);
  // Parameters out of range are refused now, not when it is the request's turn.
  if (auto sampler = sample::Sampler::create(asked.answer.sampler, request->model); !sampler) {
    return tl::unexpected<Refusal>(Refusal{std::move(sampler).error(), 0});
  }
  request->owner = &owner_of(asked.owner);
  ++request->owner->n_requests;
  request->sink = std::move(sink);
  request->submitted_ms = now_ms();
  request->n_unfinished = asked.n;
  request->usage.n_prompt = static_cast<int>(asked.prompt.size());
  for (int i = 0; i < asked.n; ++i) {
    auto stream = std::make_unique<Stream>();
    stream->request = request.get();
    stream->i_answer = i;
    stream->order = next_order_++;
    request->owner->waiting.push_back(stream.get());
    request->streams.push_back(std::move(stream));
  }
  const uint64_t id = asked.id;
  request->asked = std::move(asked);
  requests_.emplace(id, std::move(request));
  return {};
}

Status Scheduler::make_answer(Stream& stream) {
  Request& request = *stream.request;
  const GenerationRequest& asked = request.asked;
  TRY_LET(Answer answer, Answer::make(tokenizer_, request.model, params_of(asked, stream.i_answer),
                                      asked.mask ? asked.mask->clone() : nullptr,
                                      asked.make_guide ? asked.make_guide() : Answer::Guide()));
  stream.answer.emplace(std::move(answer));
  stream.answer->accept_prompt(asked.prompt);
  stream.tokens = asked.prompt;
  return {};
}

void Scheduler::cancel(uint64_t id) {
  const std::lock_guard lock(mutex_);
  cancels_.push_back(id);
  if (computing_ == id) interrupt_ = true;
}

void Scheduler::pause(uint64_t id, bool paused) {
  const auto at = requests_.find(id);
  if (at != requests_.end()) at->second->paused = paused;
}

void Scheduler::drop_ended() {
  ended_.clear();
  std::erase_if(owners_, [](const auto& entry) { return entry.second->n_requests == 0; });
}

void Scheduler::obey_cancels() {
  std::vector<uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    ids.swap(cancels_);
  }
  for (const uint64_t id : ids) {
    const auto at = requests_.find(id);
    if (at == requests_.end()) continue;
    fail(*at->second, {ErrorCode::kInterrupted, "cancelled", ""});
  }
}

void Scheduler::end_overdue() {
  const double now = now_ms();
  std::vector<Request*> overdue;
  for (const auto& [id, request] : requests_) {
    const double deadline = request->asked.deadline_ms;
    if (deadline > 0 && now - request->submitted_ms >= deadline) overdue.push_back(request.get());
  }
  for (Request* const request : overdue) {
    fail(*request, {ErrorCode::kInterrupted,
                    fmt::format("the deadline of {:.0f} ms passed", request->asked.deadline_ms),
                    "ask for fewer tokens, or give it more time"});
  }
}

std::optional<double> Scheduler::next_deadline_ms() const {
  std::optional<double> next;
  const double now = now_ms();
  for (const auto& [id, request] : requests_) {
    if (request->asked.deadline_ms <= 0) continue;
    const double left = std::max(0.0, request->submitted_ms + request->asked.deadline_ms - now);
    if (!next || left < *next) next = left;
  }
  return next;
}

void Scheduler::fail(Request& request, const Error& error) {
  // What a gone client's prompt cost serves it when it asks again, unless the numbers are bad.
  for (const auto& stream : request.streams) {
    if (!stream->sequence || error.code != ErrorCode::kInterrupted) continue;
    if (stream->n_done() <= request.n_prompt()) cache_.keep(request.owner->name, *stream->sequence);
  }
  if (error.code == ErrorCode::kNumeric) cache_.forget(request.owner->name, request.asked.prompt);
  request.sink->on_error(error);
  end(request);
}

void Scheduler::end(Request& request) {
  CHECK(!request.ended);
  request.ended = true;
  for (const auto& stream : request.streams) {
    if (stream->sequence) stop_running(*stream);
    std::erase(request.owner->waiting, stream.get());
  }
  --request.owner->n_requests;
  const auto at = requests_.find(request.asked.id);
  ended_.push_back(std::move(at->second));
  requests_.erase(at);
}

SchedulerFigures Scheduler::figures() const {
  SchedulerFigures figures = figures_;
  for (const auto& [name, owner] : owners_) {
    figures.n_waiting += static_cast<int>(owner->waiting.size());
  }
  figures.n_running = static_cast<int>(running_.size());
  figures.n_cached_prefixes = static_cast<int>(cache_.n_entries());
  for (int g = 0; g < engine_.n_page_groups(); ++g) {
    if (engine_.n_pages(g) <= figures.n_pages) continue;  // those of windows are fewer
    figures.n_pages = engine_.n_pages(g);
    figures.n_free_pages = engine_.n_free_pages(g);
  }
  return figures;
}

}  // namespace hearth::engine

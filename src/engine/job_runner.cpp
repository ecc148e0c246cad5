// SPDX-License-Identifier: MIT
#include "engine/job_runner.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "arch/blocks/rank.h"
#include "base/clock.h"
#include "engine/answer_reading.h"
#include "engine/embed.h"
#include "engine/job_events.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

// Where nothing else is to be done but wait for a long text to be read.
constexpr std::chrono::milliseconds kPause{5};
// Some ten milliseconds to write and to read, at both ends of the channel.
constexpr size_t kTokensAtOnce = 32768;

// Vectors have length 1, so their cosine is their product.
double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double clock_ms() {
  return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

}  // namespace

JobRunner::JobRunner(Engine& engine, const text::Tokenizer& tokenizer,
                     std::string_view chat_template, EventSink sink, SchedulerOptions options)
    : engine_(engine),
      tokenizer_(tokenizer),
      sink_(std::move(sink)),
      prompts_(chat_template, tokenizer, engine.n_ctx()),
      masks_(tokenizer),
      scheduler_(engine, tokenizer, std::move(options)),
      preparer_([this](Job& job) { return read(job); }) {}

JobRunner::~JobRunner() = default;

void JobRunner::fail(uint64_t id, Error error, int64_t retry_after_s) {
  Event failed;
  failed.id = id;
  failed.kind = EventKind::kError;
  failed.error = std::move(error);
  failed.retry_after_s = retry_after_s;
  sink_(std::move(failed));
}

void JobRunner::submit(Job job) {
  if (!JobPreparer::is_long(job)) return read(job)(job);
  const uint64_t id = job.id;
  if (const Status given = preparer_.give(std::move(job)); !given) {
    constexpr int64_t kSoonS = 2;
    fail(id, given.error(), kSoonS);
  }
}

JobPreparer::Then JobRunner::read(Job& job) {
  if (job.kind == JobKind::kChat || job.kind == JobKind::kComplete) {
    auto prompt = std::make_shared<Result<JobPrompt>>(read_prompt(job));
    return [this, prompt](Job& read) {
      if (!*prompt) return fail(read.id, std::move(*prompt).error());
      answer(read, std::move(**prompt));
    };
  }
  if (job.kind == JobKind::kEmbed || job.kind == JobKind::kRerank) {
    const uint64_t id = job.id;
    auto made = std::make_shared<Result<VectorJob>>(make_vectors(std::move(job)));
    job.id = id;
    return [this, made](Job& read) {
      if (!*made) return fail(read.id, std::move(*made).error());
      start_vectors(std::move(**made));
    };
  }
  if (job.kind == JobKind::kTokenize) {
    const auto tokens = std::make_shared<std::vector<int32_t>>(tokenizer_.encode(
        job.prompt, {.add_special = job.add_special, .parse_special = job.parse_special}));
    return [this, tokens](Job& read) {
      const bool is_short = tokens->size() <= kTokensAtOnce;
      token_jobs_.push_front({read.id, std::move(*tokens), 0, false});
      if (is_short) step_tokens();
    };
  }
  auto result = std::make_shared<Result<Json>>(result_of(job));
  return [this, result](Job& read) {
    if (!*result) return fail(read.id, std::move(*result).error());
    tell(read.id, std::move(**result));
  };
}

Result<JobPrompt> JobRunner::read_prompt(const Job& job) const {
  TRY(check_answer(job));
  return prompts_.make(job);
}

void JobRunner::tell(uint64_t id, Json result) {
  Event event;
  event.id = id;
  event.kind = EventKind::kResult;
  event.result = std::move(result);
  sink_(std::move(event));
  Event done;
  done.id = id;
  done.kind = EventKind::kDone;
  sink_(std::move(done));
}

// The next tokens of the first job that may go on.
bool JobRunner::step_tokens() {
  const auto at = std::find_if(token_jobs_.begin(), token_jobs_.end(),
                               [](const TokenJob& job) { return !job.parked; });
  if (at == token_jobs_.end()) return false;
  TokenJob job = std::move(*at);
  token_jobs_.erase(at);
  const auto some = std::span(job.tokens)
                        .subspan(job.n_told)
                        .first(std::min(kTokensAtOnce, job.tokens.size() - job.n_told));
  job.n_told += some.size();
  Json pieces = Json::array();
  for (const int32_t id : some) pieces.push_back(tokenizer_.piece(id, true));
  Json result = {{"tokens", std::vector(some.begin(), some.end())}, {"pieces", std::move(pieces)}};
  if (job.n_told == job.tokens.size()) {
    tell(job.id, std::move(result));
    return true;
  }
  Event event;
  event.id = job.id;
  event.kind = EventKind::kResult;
  event.result = std::move(result);
  token_jobs_.push_back(std::move(job));
  sink_(std::move(event));
  return true;
}

bool JobRunner::take_prepared() {
  auto prepared = preparer_.take();
  if (!prepared) return false;
  Job& job = prepared->job;
  const auto waited_ms = static_cast<int64_t>(prepared->waited_ms);
  if (!prepared->then) {
    fail(job.id, {ErrorCode::kNoMemory, "no memory to read the text", ""});
    return true;
  }
  if (job.deadline_ms > 0 && waited_ms >= job.deadline_ms) {
    fail(job.id, {ErrorCode::kInterrupted,
                  fmt::format("the deadline of {} ms passed", job.deadline_ms), ""});
    return true;
  }
  if (job.deadline_ms > 0) job.deadline_ms -= waited_ms;
  const uint64_t id = job.id;
  prepared->then(job);
  if (prepared->parked) park(id, true);
  // Cancelled meanwhile: the scheduler did not know it yet.
  const std::lock_guard lock(mutex_);
  if (std::find(cancels_.begin(), cancels_.end(), id) != cancels_.end()) scheduler_.cancel(id);
  return true;
}

Result<Json> JobRunner::result_of(const Job& job) const {
  if (job.kind == JobKind::kDetokenize) {
    for (const int32_t id : job.tokens) {
      if (!tokenizer_.contains(id)) {
        return invalid("token {} is outside of the vocabulary of {}", id, tokenizer_.n_vocab());
      }
    }
    return Json{{"text", tokenizer_.decode(job.tokens, {.show_special = true})}};
  }
  TRY_LET(const JobPrompt prompt, prompts_.make(job));
  if (job.kind == JobKind::kTemplate) return Json{{"prompt", prompt.text}};
  return Json{{"n_tokens", prompt.tokens.size()}};
}

// -- answers

Status JobRunner::check_answer(const Job& job) const {
  if (is_reranker(engine_)) {
    return with_hint(unsupported("the model is a reranker: it scores documents against a query and "
                                 "writes no text"),
                     "ask it for scores (POST /v1/rerank)");
  }
  if (engine_.spec().encoder) {
    return with_hint(
        unsupported("{} is an embedding model: it writes no text", engine_.spec().name),
        "ask it for embeddings");
  }
  if (job.n < 1 || job.n > Scheduler::kMaxAnswers) {
    return invalid("n is {}, it must be between 1 and {}", job.n, Scheduler::kMaxAnswers);
  }
  return {};
}

Result<GenerationRequest> JobRunner::make_request(const Job& job, JobPrompt& prompt) {
  GenerationRequest request;
  request.id = job.id;
  request.owner = job.owner;
  request.prompt = prompt.tokens;
  request.answer = {.sampler = job.sampler,
                    .max_tokens = job.max_tokens,
                    .stop = job.stop,
                    .ignore_end = job.ignore_end,
                    .n_logprobs = job.n_logprobs};
  request.n = job.n;
  TRY_LET(request.mask, masks_.make(job, prompt));
  request.prompt_logprobs = job.echo && job.n_logprobs >= 0;
  request.deadline_ms = static_cast<double>(job.deadline_ms);
  if (job.kind != JobKind::kChat) return request;
  request.answer.show_special = has_special_marks(prompt.format, tokenizer_);
  if (job.thinking_budget >= 0) {
    TRY_LET(request.make_guide, budget_guides(job, prompt.text, prompt.format, tokenizer_));
  }
  return request;
}

void JobRunner::answer(Job& job, JobPrompt prompt) {
  auto request = make_request(job, prompt);
  if (!request) return fail(job.id, std::move(request).error());
  JobEventOptions options{.id = job.id,
                          .n = job.n,
                          .want_tokens = job.want_tokens,
                          .want_logprobs = job.n_logprobs >= 0,
                          .echo = job.echo,
                          .warnings = std::move(prompt.warnings),
                          .n_ctx = engine_.n_ctx()};
  for (int i = 0; job.kind == JobKind::kChat && i < job.n; ++i) {
    options.parsers.emplace_back(prompt.format,
                                 reading_of(job, prompt.text, job.id * Scheduler::kMaxAnswers + i));
  }
  if (job.echo) {
    options.prompt_text = std::move(prompt.text);
    options.prompt_tokens = std::move(prompt.tokens);
  }
  auto submitted = scheduler_.submit(
      std::move(*request), std::make_unique<JobEvents>(std::move(options), tokenizer_, sink_));
  if (submitted) return;
  fail(job.id, std::move(submitted.error().error), submitted.error().retry_after_s);
}

// -- vectors

void JobRunner::start_vectors(VectorJob made) {
  Event started;
  started.id = made.job.id;
  started.kind = EventKind::kStarted;
  started.usage.n_prompt = static_cast<int64_t>(n_tokens_of(made));
  if (engine_.rank_head() == arch::RankHead::kWithoutPooler) {
    started.warnings.emplace_back(arch::kNoPoolerNote);
  }
  sink_(std::move(started));
  vector_jobs_.push_back(std::move(made));
}

// Of what goes through the model for input i.
size_t JobRunner::n_tokens_of(const VectorJob& job, size_t i) const {
  const size_t n = job.inputs[i].size();
  return is_reranker(engine_) ? job.query.pair_size(n) : n;
}

size_t JobRunner::n_tokens_of(const VectorJob& job) const {
  size_t n = 0;
  for (size_t i = 0; i < job.inputs.size(); ++i) n += n_tokens_of(job, i);
  return n;
}

Result<std::vector<std::vector<int32_t>>> JobRunner::vector_inputs(Job& job) const {
  std::vector<std::vector<int32_t>> inputs;
  auto next = job.tokens.begin();
  for (const int32_t count : job.token_counts) {
    if (count < 0 || count > job.tokens.end() - next)
      return invalid("the inputs have other tokens than were counted");
    inputs.emplace_back(next, next + count);
    next += count;
  }
  for (const auto& input : inputs) {
    for (const int32_t id : input) {
      if (!tokenizer_.contains(id))
        return invalid("token {} is outside of the vocabulary of {}", id, tokenizer_.n_vocab());
    }
  }
  if (!inputs.empty()) return inputs;
  if (job.kind == JobKind::kRerank) job.texts.insert(job.texts.begin(), job.prompt);
  for (const std::string& text : job.texts) {
    inputs.push_back(tokenizer_.encode(text, {.add_special = true, .parse_special = false}));
  }
  return inputs;
}

Status JobRunner::check_sizes(const VectorJob& job) const {
  const bool is_pair = is_reranker(engine_);
  const bool ranks = job.job.kind == JobKind::kRerank;
  for (size_t i = 0; i < job.inputs.size(); ++i) {
    std::string name = fmt::format("text {}", i);
    if (ranks && is_pair) name = fmt::format("document {} with the query", i);
    if (ranks && !is_pair) name = i == 0 ? "the query" : fmt::format("document {}", i - 1);
    const size_t n = n_tokens_of(job, i);
    if (n == 0) return invalid("{} has no tokens", name);
    if (n <= static_cast<size_t>(engine_.n_ctx())) continue;
    return with_hint(over_limit("{} has {} tokens, the model takes {}", name, n, engine_.n_ctx()),
                     "divide it into shorter texts");
  }
  return {};
}

Result<JobRunner::VectorJob> JobRunner::make_pairs(Job job) const {
  VectorJob made;
  TRY_LET(made.query, query_part(tokenizer_, job.prompt));
  if (made.query.pair_size(0) > static_cast<size_t>(engine_.n_ctx())) {
    return with_hint(over_limit("the query alone has {} tokens, the model takes {} with a document",
                                made.query.pair_size(0), engine_.n_ctx()),
                     "use a shorter query");
  }
  for (const std::string& text : job.texts) made.inputs.push_back(document_part(tokenizer_, text));
  made.job = std::move(job);
  return made;
}

Result<JobRunner::VectorJob> JobRunner::make_vectors(Job job) const {
  VectorJob made;
  if (job.kind == JobKind::kRerank && is_reranker(engine_)) {
    TRY_LET(made, make_pairs(std::move(job)));
  } else {
    TRY(check_gives_vectors(engine_));
    TRY(job.pooling.empty() ? model_pooling(engine_) : parse_pooling(job.pooling));
    TRY_LET(made.inputs, vector_inputs(job));
    made.job = std::move(job);
  }
  TRY(check_sizes(made));
  made.job.texts.clear();
  made.submitted_ms = clock_ms();
  return made;
}

Status JobRunner::next_score(VectorJob& job) {
  TRY_LET(const float logit, score(engine_, job.query, job.inputs[job.n_done]));
  job.scores.push_back(static_cast<double>(logit));
  ++job.n_done;
  return {};
}

Status JobRunner::next_vector(VectorJob& job) {
  const double now = clock_ms();
  if (job.job.deadline_ms > 0 &&
      now - job.submitted_ms >= static_cast<double>(job.job.deadline_ms)) {
    return interrupted("the deadline of {} ms passed", job.job.deadline_ms);
  }
  if (job.n_done == job.inputs.size()) return {};
  if (is_reranker(engine_)) return next_score(job);
  TRY_LET(const Pooling pooling,
          job.job.pooling.empty() ? model_pooling(engine_) : parse_pooling(job.job.pooling));
  TRY_LET(std::vector<float> vector, embed(engine_, job.inputs[job.n_done], pooling));
  const size_t i = job.n_done++;
  if (job.job.kind == JobKind::kRerank) {
    if (i > 0) job.scores.push_back(cosine(job.query_vector, vector));
    if (i == 0) job.query_vector = std::move(vector);
    return {};
  }
  Event event;
  event.id = job.job.id;
  event.kind = EventKind::kResult;
  event.result = Json{{"first", i},
                      {"vectors", Json::array({std::move(vector)})},
                      {"n_tokens", Json::array({job.inputs[i].size()})}};
  sink_(std::move(event));
  return {};
}

void JobRunner::end_vectors(const VectorJob& job) {
  if (job.job.kind == JobKind::kRerank) {
    Json n_tokens = Json::array();
    const size_t first = job.inputs.size() - job.scores.size();
    for (size_t i = first; i < job.inputs.size(); ++i) n_tokens.push_back(n_tokens_of(job, i));
    Event event;
    event.id = job.job.id;
    event.kind = EventKind::kResult;
    event.result = Json{{"scores", job.scores}, {"n_tokens", std::move(n_tokens)}};
    sink_(std::move(event));
  }
  Event done;
  done.id = job.job.id;
  done.kind = EventKind::kDone;
  done.usage.n_prompt = static_cast<int64_t>(n_tokens_of(job));
  done.usage.prefill_ms = clock_ms() - job.submitted_ms;
  sink_(std::move(done));
}

bool JobRunner::step_vectors() {
  std::vector<uint64_t> cancels;
  {
    const std::lock_guard lock(mutex_);
    cancels.swap(cancels_);
  }
  for (const uint64_t id : cancels) {
    const size_t n =
        std::erase_if(vector_jobs_, [id](const VectorJob& one) { return one.job.id == id; }) +
        std::erase_if(token_jobs_, [id](const TokenJob& one) { return one.id == id; }) +
        (preparer_.drop(id) ? 1 : 0);
    if (n > 0) fail(id, {ErrorCode::kInterrupted, "cancelled", ""});
  }
  const auto at = std::find_if(vector_jobs_.begin(), vector_jobs_.end(),
                               [](const VectorJob& job) { return !job.parked; });
  if (at == vector_jobs_.end()) return !cancels.empty();
  VectorJob job = std::move(*at);
  vector_jobs_.erase(at);
  if (const Status status = next_vector(job); !status) {
    fail(job.job.id, status.error());
  } else if (job.n_done == job.inputs.size()) {
    end_vectors(job);
  } else {
    vector_jobs_.push_back(std::move(job));
  }
  return true;
}

// -- all

void JobRunner::cancel(uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    cancels_.push_back(id);
  }
  scheduler_.cancel(id);  // after it: see take_prepared
}

void JobRunner::park(uint64_t id, bool parked) {
  if (preparer_.park(id, parked)) return;
  scheduler_.pause(id, parked);
  for (VectorJob& job : vector_jobs_) {
    if (job.job.id == id) job.parked = parked;
  }
  for (TokenJob& job : token_jobs_) {
    if (job.id == id) job.parked = parked;
  }
}

bool JobRunner::step() {
  const bool vectors = step_vectors();
  const bool tokens = step_tokens();
  const bool prepared = take_prepared();
  if (scheduler_.step() || vectors || tokens || prepared) return true;
  if (preparer_.n_jobs() > 0) preparer_.wait(kPause);
  return false;
}

Json JobRunner::stats() const {
  const SchedulerFigures figures = scheduler_.figures();
  return {{"n_waiting", figures.n_waiting},
          {"n_running", figures.n_running},
          {"n_vector_jobs", vector_jobs_.size()},
          {"n_being_read", preparer_.n_jobs()},
          {"n_cached_prefixes", figures.n_cached_prefixes},
          {"n_pages", figures.n_pages},
          {"n_free_pages", figures.n_free_pages},
          {"n_prompt_tokens", figures.n_prompt_tokens},
          {"n_answer_tokens", figures.n_answer_tokens},
          {"n_put_back", figures.n_put_back}};
}

}  // namespace hearth::engine

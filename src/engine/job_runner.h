// SPDX-License-Identifier: MIT
// Jobs in, events out: what stands between a server's requests and the engine. Makes prompts of
// messages, schedules answers, computes vectors, one text at a time, between the answers' steps.
// Long texts are read on a thread of their own (job_preparer.h), beside the steps.
// Nothing throws, and each job's last event is kDone or kError.
// Thread rule: one thread, except cancel.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/answer_masks.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "engine/job_preparer.h"
#include "engine/job_prompt.h"
#include "engine/job_source.h"
#include "engine/rank.h"
#include "engine/scheduler.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class JobRunner : public JobSource {
 public:
  // All must outlive the runner. The sink is called from submit and step, on their thread.
  // `chat_template`: the model's own, or empty.
  JobRunner(Engine& engine, const text::Tokenizer& tokenizer, std::string_view chat_template,
            EventSink sink, SchedulerOptions options = {});
  ~JobRunner() override;

  void submit(Job job) override;
  // From any thread: a step that computes for this job alone is interrupted.
  void cancel(uint64_t id) override;
  void park(uint64_t id, bool parked) override;
  bool step() override;
  bool idle() const override {
    return vector_jobs_.empty() && token_jobs_.empty() && !scheduler_.has_requests() &&
           preparer_.n_jobs() == 0;
  }
  nlohmann::ordered_json stats() const override;

  const JobPrompts& prompts() const { return prompts_; }

 private:
  // Texts whose vectors or scores are computed, one in each step.
  struct VectorJob {
    Job job;
    // Tokens; kRerank by an embedding model: the query's first; by a reranker: the documents'
    // parts.
    std::vector<std::vector<int32_t>> inputs;
    QueryPart query;                  // kRerank by a reranker
    std::vector<float> query_vector;  // kRerank by an embedding model
    std::vector<double> scores;       // kRerank: so far
    size_t n_done = 0;
    double submitted_ms = 0;
    bool parked = false;
  };

  // Tokens of a text, of which so many are told in each step.
  struct TokenJob {
    uint64_t id = 0;
    std::vector<int32_t> tokens;
    size_t n_told = 0;
    bool parked = false;
  };

  // What a job's texts come to, from what does not change; then, for this thread, the rest.
  JobPreparer::Then read(Job& job);
  Result<JobPrompt> read_prompt(const Job& job) const;
  bool take_prepared();
  bool step_tokens();
  void answer(Job& job, JobPrompt prompt);
  Result<GenerationRequest> make_request(const Job& job, JobPrompt& prompt);
  Status check_answer(const Job& job) const;
  void start_vectors(VectorJob made);
  void tell(uint64_t id, nlohmann::ordered_json result);
  Result<std::vector<std::vector<int32_t>>> vector_inputs(Job& job) const;
  Result<VectorJob> make_vectors(Job job) const;
  Result<VectorJob> make_pairs(Job job) const;
  Status check_sizes(const VectorJob& job) const;
  size_t n_tokens_of(const VectorJob& job, size_t i) const;
  size_t n_tokens_of(const VectorJob& job) const;
  bool step_vectors();
  Status next_vector(VectorJob& job);
  Status next_score(VectorJob& job);
  void end_vectors(const VectorJob& job);
  Result<nlohmann::ordered_json> result_of(const Job& job) const;
  void fail(uint64_t id, Error error, int64_t retry_after_s = 0);

  Engine& engine_;
  const text::Tokenizer& tokenizer_;
  EventSink sink_;
  JobPrompts prompts_;
  AnswerMasks masks_;
  Scheduler scheduler_;
  std::deque<VectorJob> vector_jobs_;  // take turns, the first one next
  std::deque<TokenJob> token_jobs_;
  std::mutex mutex_;               // of what follows
  std::vector<uint64_t> cancels_;  // for vector_jobs_ and preparer_
  JobPreparer preparer_;           // the last member: its thread uses the others
};

}  // namespace hearth::engine

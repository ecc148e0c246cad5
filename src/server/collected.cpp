// SPDX-License-Identifier: MIT
#include "server/collected.h"

#include <algorithm>

namespace hearth::server {
namespace {

// Far above what any job asks for; a broken engine process cannot make us grow.
constexpr int kMaxAnswers = 4096;
constexpr int kMaxCalls = 1024;

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add_delta(CollectedAnswer& answer, const engine::Event& event) {
  answer.text += event.text;
  answer.reasoning += event.reasoning;
  append(answer.tokens, event.tokens);
  append(answer.logprobs, event.logprobs);
  append(answer.logprob_texts, event.logprob_texts);
  for (const engine::ToolCallDelta& delta : event.tool_calls) {
    if (delta.index < 0 || delta.index >= kMaxCalls) continue;
    const auto index = static_cast<size_t>(delta.index);
    if (answer.calls.size() <= index) answer.calls.resize(index + 1);
    CollectedCall& call = answer.calls[index];
    call.id += delta.id;
    call.name += delta.name;
    call.arguments += delta.arguments;
  }
}

void add_result(CollectedResult& result, const Json& json) {
  const auto vectors = json.find("vectors");
  if (vectors != json.end() && vectors->is_array()) {
    for (const Json& vector : *vectors) result.vectors.push_back(vector);
  } else if (result.other.is_object()) {
    // Tokens of a long text come in several results.
    for (const char* const name : {"tokens", "pieces"}) {
      const auto more = json.find(name);
      if (more == json.end() || !more->is_array() || !result.other[name].is_array()) continue;
      result.other[name].insert(result.other[name].end(), more->begin(), more->end());
    }
  } else {
    result.other = json;
  }
  const auto counts = json.find("n_tokens");
  if (counts == json.end()) return;
  if (counts->is_number_integer()) result.n_tokens += counts->get<int64_t>();
  if (!counts->is_array()) return;
  for (const Json& count : *counts) {
    if (count.is_number_integer()) result.n_tokens += count.get<int64_t>();
  }
}

}  // namespace

void add_usage(engine::Usage& sum, const engine::Usage& usage) {
  sum.n_prompt += usage.n_prompt;
  sum.n_cached += usage.n_cached;
  sum.n_completion += usage.n_completion;
  sum.n_reasoning += usage.n_reasoning;
  sum.n_drafted += usage.n_drafted;
  sum.n_accepted += usage.n_accepted;
  sum.queued_ms = std::max(sum.queued_ms, usage.queued_ms);
  sum.prefill_ms = std::max(sum.prefill_ms, usage.prefill_ms);
  sum.decode_ms = std::max(sum.decode_ms, usage.decode_ms);
  sum.load_ms = std::max(sum.load_ms, usage.load_ms);
}

void Collected::add(const engine::Event& event, size_t i_job) {
  using engine::EventKind;
  if (event.kind == EventKind::kResult) {
    if (results.size() <= i_job) results.resize(i_job + 1);
    if (event.result.is_object()) add_result(results[i_job], event.result);
    return;
  }
  if (event.kind != EventKind::kDelta && event.kind != EventKind::kFinished) return;
  if (event.i_answer < 0 || event.i_answer >= kMaxAnswers) return;
  const auto index = static_cast<size_t>(event.i_answer);
  if (answers.size() <= index) answers.resize(index + 1);
  add_delta(answers[index], event);
  if (event.kind != EventKind::kFinished) return;
  answers[index].finish_reason = event.finish_reason;
  answers[index].stopped_by = event.stopped_by;
}

}  // namespace hearth::server

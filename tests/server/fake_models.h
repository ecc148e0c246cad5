// SPDX-License-Identifier: MIT
// Models that answer by script, for tests of the server: they keep what they were asked, and tell
// the events that a test prepared, at once or when it says so. Any thread.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/json_out.h"
#include "server/models.h"

namespace hearth::server {

class FakeModels final : public Models {
 public:
  using Script = std::function<std::vector<engine::Event>(const engine::Job&)>;

  struct Asked {
    std::string model;
    LoadWish wish;
    engine::Job job;
  };

  // What a job hears at once when it is submitted. Without one it hears nothing until tell().
  Script script;
  std::vector<ModelCard> cards = {{.name = "toy",
                                   .format = "gguf",
                                   .arch = "llama",
                                   .quant = "q8_0",
                                   .sha256 = std::string(64, 'a'),
                                   .bytes = 1000,
                                   .modified_unix_s = 1'700'000'000}};
  std::vector<LoadedModel> now_loaded;

  Result<std::vector<ModelCard>> list() override { return cards; }
  Result<ModelCard> find(std::string_view model) override {
    for (const ModelCard& card : cards) {
      if (card.name == model) return card;
    }
    return not_found("no such model");
  }
  Result<ModelFacts> facts(std::string_view model) override {
    TRY_LET(ModelCard card, find(model));
    ModelFacts facts;
    facts.card = std::move(card);
    facts.context_length = 2048;
    facts.embedding_length = 64;
    facts.n_parameters = 1'000'000;
    facts.chat_template = "{{ messages }}";
    facts.fields = {{"name", "Toy"}};
    return facts;
  }
  Status remove(std::string_view model) override {
    const std::lock_guard lock(mutex_);
    TRY(find(model));
    std::erase_if(cards, [&](const ModelCard& card) { return card.name == model; });
    return {};
  }
  std::vector<LoadedModel> loaded() override {
    const std::lock_guard lock(mutex_);
    return now_loaded;
  }
  ModelCounts counts() override { return {.n_jobs = asked().size()}; }
  void load(std::string_view model, const LoadWish& wish, LoadSink done) override {
    {
      const std::lock_guard lock(mutex_);
      loads.emplace_back(std::string(model), wish);
    }
    auto found = find(model);
    done(found ? Status{} : Status(Failure(found.error())));
  }
  Status unload(std::string_view model) override {
    const std::lock_guard lock(mutex_);
    unloads.emplace_back(model);
    return {};
  }

  uint64_t submit(std::string_view model, const LoadWish& wish, engine::Job job,
                  EventSink sink) override {
    uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      id = job.id = ++last_id_;
      asked_.push_back({std::string(model), wish, job});
      sinks_[id] = sink;
    }
    if (!script) return id;
    for (engine::Event& event : script(job)) {
      event.id = id;
      sink(std::move(event));
    }
    return id;
  }
  void cancel(uint64_t id) override {
    const std::lock_guard lock(mutex_);
    cancelled_.insert(id);
    cancelled_at_ = std::chrono::steady_clock::now();
  }
  void hold(uint64_t id, bool held) override {
    const std::lock_guard lock(mutex_);
    holds_.emplace_back(id, held);
  }

  void tell(uint64_t id, engine::Event event) {
    EventSink sink;
    {
      const std::lock_guard lock(mutex_);
      sink = sinks_[id];
    }
    event.id = id;
    if (sink) sink(std::move(event));
  }
  std::vector<Asked> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  bool was_cancelled(uint64_t id) {
    const std::lock_guard lock(mutex_);
    return cancelled_.contains(id);
  }
  std::chrono::steady_clock::time_point cancelled_at() {
    const std::lock_guard lock(mutex_);
    return cancelled_at_;
  }
  std::vector<std::pair<uint64_t, bool>> holds() {
    const std::lock_guard lock(mutex_);
    return holds_;
  }

  std::vector<std::pair<std::string, LoadWish>> loads;
  std::vector<std::string> unloads;

 private:
  std::mutex mutex_;
  uint64_t last_id_ = 0;
  std::vector<Asked> asked_;
  std::map<uint64_t, EventSink> sinks_;
  std::set<uint64_t> cancelled_;
  std::chrono::steady_clock::time_point cancelled_at_;
  std::vector<std::pair<uint64_t, bool>> holds_;
};

// Events of scripts.
inline engine::Event started(int64_t n_prompt = 5) {
  engine::Event event;
  event.kind = engine::EventKind::kStarted;
  event.usage.n_prompt = n_prompt;
  return event;
}
inline engine::Event delta(std::string text, int i_answer = 0) {
  engine::Event event;
  event.i_answer = i_answer;
  event.text = std::move(text);
  return event;
}
inline engine::Event thought(std::string text) {
  engine::Event event;
  event.reasoning = std::move(text);
  return event;
}
inline engine::Event tool_call(int index, std::string name, std::string arguments) {
  engine::Event event;
  event.tool_calls = {{index, "", std::move(name), std::move(arguments)}};
  return event;
}
inline engine::Event finished(std::string reason = "stop", int i_answer = 0) {
  engine::Event event;
  event.kind = engine::EventKind::kFinished;
  event.i_answer = i_answer;
  event.finish_reason = std::move(reason);
  return event;
}
inline engine::Event result(Json json) {
  engine::Event event;
  event.kind = engine::EventKind::kResult;
  event.result = std::move(json);
  return event;
}
inline engine::Event done(int64_t n_prompt = 5, int64_t n_completion = 2) {
  engine::Event event;
  event.kind = engine::EventKind::kDone;
  event.usage.n_prompt = n_prompt;
  event.usage.n_cached = 1;
  event.usage.n_completion = n_completion;
  return event;
}
inline engine::Event failed(Error error, int64_t retry_after_s = 0) {
  engine::Event event;
  event.kind = engine::EventKind::kError;
  event.error = std::move(error);
  event.retry_after_s = retry_after_s;
  return event;
}

}  // namespace hearth::server

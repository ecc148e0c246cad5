// SPDX-License-Identifier: MIT
// Messages with something in every member.
#pragma once
#include <vector>

#include "engine/protocol.h"

namespace hearth::test {

inline engine::Job full_job() {
  using nlohmann::ordered_json;
  engine::Job job;
  job.id = 42;
  job.owner = "key:7";
  job.kind = engine::JobKind::kComplete;
  job.messages = ordered_json::array({{{"role", "user"}, {"content", "Grüße \"ihr\"\n"}}});
  job.tools = ordered_json::array({{{"type", "function"}, {"function", {{"name", "f"}}}}});
  job.variables = {{"enable_thinking", true}, {"depth", 3}, {"list", {1, 2.5, nullptr}}};
  job.add_generation_prompt = false;
  job.continue_last = true;
  job.chat_template = "{{ messages }}";
  job.prompt = "Once";
  job.suffix = "end";
  job.tokens = {0, -1, 70000};
  job.texts = {"a", "", "ü"};
  job.token_counts = {2, 1};
  job.add_special = job.parse_special = false;
  job.sampler.temperature = 0.25;
  job.sampler.seed = 99;
  job.sampler.logit_bias = {{5, -1.5}};
  job.sampler.dry_sequence_breakers = {"x"};
  job.max_tokens = 7;
  job.stop = {"\n\n", "END"};
  job.ignore_end = true;
  job.n = 2;
  job.n_logprobs = 3;
  job.echo = job.want_tokens = true;
  job.shape = engine::Shape::kJsonSchema;
  job.shape_text = "{\"type\":\"object\"}";
  job.tool_choice = engine::ToolChoice::kNamed;
  job.tool_name = "f";
  job.parallel_tool_calls = false;
  job.thinking = engine::Thinking::kOff;
  job.thinking_budget = 100;
  job.reasoning_effort = "low";
  job.split_reasoning = false;
  job.pooling = "cls";
  job.deadline_ms = 30000;
  return job;
}

inline engine::Event full_event() {
  engine::Event event;
  event.id = 42;
  event.kind = engine::EventKind::kFinished;
  event.i_answer = 1;
  event.text = "täxt";
  event.reasoning = "because";
  event.tool_calls = {{1, "call_1", "f", "{\"a\":"}, {2, "call_2", "g", "1}"}};
  event.tokens = {1, 2, 3};
  event.logprobs = {{{1, -0.5}, {{1, -0.5}, {2, -1.25}}}, {{3, -9.0}, {}}};
  event.logprob_texts = {"a", "a", "b", "c"};
  event.finish_reason = "stop";
  event.stopped_by = "END";
  event.result = {{"vectors", {{0.5, -0.25}}}, {"n_tokens", {2}}};
  event.usage = {10, 4, 20, 5, 8, 6, 1.5, 20.25, 300.125, 1000.0};
  event.warnings = {"the prompt's last message is empty"};
  event.error = {ErrorCode::kLimit, "busy", "come again"};
  event.retry_after_s = 3;
  return event;
}

inline engine::Load full_load() {
  return {.name = "toy",
          .file = "/models/toy/model.gguf",
          .n_ctx = 4096,
          .n_sequences = 8,
          .max_batch = 256,
          .n_threads = 3,
          .cache_k = "q8_0",
          .cache_v = "f32",
          .deterministic = true,
          .reference = true,
          .memory_bytes = uint64_t{1} << 40};
}

inline engine::Loaded full_loaded() {
  engine::Loaded loaded{.arch = "llama",
                        .backend = "cpu avx2",
                        .n_ctx = 4096,
                        .n_sequences = 8,
                        .n_vocab = 32000,
                        .encoder = true,
                        .file_bytes = uint64_t{5} << 32,
                        .kv_bytes = 77,
                        .scratch_bytes = 88,
                        .load_ms = 12.5};
  loaded.model = {{"tools", true}};
  loaded.warnings = {"context 4096 instead of 8192"};
  loaded.sandbox = {7, true, true, true, true, true, true, {"nothing"}};
  return loaded;
}

// One of each.
inline std::vector<engine::Message> some_messages() {
  return {full_load(),
          full_loaded(),
          engine::Refused{{ErrorCode::kCorrupt, "model.gguf: cut short", "fetch it again"}},
          full_job(),
          full_event(),
          engine::Cancel{42},
          engine::Park{42, true},
          engine::StatsRequest{1},
          engine::Stats{1, 2, {{"slots", {1, 2}}}},
          engine::Heartbeat{3, true},
          engine::Shutdown{}};
}

}  // namespace hearth::test

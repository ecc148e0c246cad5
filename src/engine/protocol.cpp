// SPDX-License-Identifier: MIT
#include "engine/protocol.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "engine/json_fields.h"
#include "text/messages.h"

namespace hearth::engine {

// What a request's JSON may hold lies inside a frame's own object and lists.
constexpr int kMaxFrameDepth = text::kMaxJsonDepth + 28;
constexpr size_t kMaxName = 4096;   // bytes of names and reasons
constexpr size_t kMaxList = 65536;  // entries of lists that people or programs write
constexpr size_t kMaxTokens = size_t{4} << 20;

// In the order of Message's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Message>> kTypes = {
    "load", "loaded", "refused", "job",       "event",   "cancel",
    "park", "stats?", "stats",   "heartbeat", "shutdown"};

template <>
struct EnumNames<ErrorCode> {
  static constexpr std::string_view names[] = {"invalid",     "not_found", "corrupt", "unsupported",
                                               "io",          "no_memory", "limit",   "numeric",
                                               "interrupted", "internal"};
};
template <>
struct EnumNames<JobKind> {
  static constexpr std::string_view names[] = {"chat",     "complete",   "embed",    "rerank",
                                               "tokenize", "detokenize", "template", "count"};
};
template <>
struct EnumNames<Shape> {
  static constexpr std::string_view names[] = {"free", "json_object", "json_schema", "grammar"};
};
template <>
struct EnumNames<ToolChoice> {
  static constexpr std::string_view names[] = {"auto", "none", "required", "named"};
};
template <>
struct EnumNames<Thinking> {
  static constexpr std::string_view names[] = {"models_own", "on", "off"};
};
template <>
struct EnumNames<EventKind> {
  static constexpr std::string_view names[] = {"started", "delta", "finished",
                                               "result",  "done",  "error"};
};

template <class F, Some<Error> T>
void describe(F& f, T& error) {
  f.field("code", error.code);
  f.field("message", error.message);
  f.field("hint", error.hint);
}

template <class F, Some<sample::LogitBias> T>
void describe(F& f, T& bias) {
  f.field("id", bias.id);
  f.field("bias", bias.bias);
}

template <class F, Some<sample::SamplerParams> T>
void describe(F& f, T& params) {
  for (const sample::SamplerField& field : sample::sampler_fields()) {
    std::visit([&](const auto& range) { f.field(field.name, params.*range.member); }, field.range);
  }
  f.field("logit_bias", params.logit_bias);
  f.field("dry_sequence_breakers", params.dry_sequence_breakers, kMaxList);
}

template <class F, Some<sample::TokenLogprob> T>
void describe(F& f, T& token) {
  f.field("id", token.id);
  f.field("logprob", token.logprob);
}

template <class F, Some<sample::PositionLogprobs> T>
void describe(F& f, T& position) {
  f.field("chosen", position.chosen);
  f.field("top", position.top, kMaxList);
}

template <class F, Some<ToolCallDelta> T>
void describe(F& f, T& call) {
  f.field("index", call.index);
  f.field("id", call.id, kMaxName);
  f.field("name", call.name);
  f.field("arguments", call.arguments);
}

template <class F, Some<Usage> T>
void describe(F& f, T& usage) {
  f.field("n_prompt", usage.n_prompt);
  f.field("n_cached", usage.n_cached);
  f.field("n_completion", usage.n_completion);
  f.field("n_reasoning", usage.n_reasoning);
  f.field("n_drafted", usage.n_drafted);
  f.field("n_accepted", usage.n_accepted);
  f.field("queued_ms", usage.queued_ms);
  f.field("prefill_ms", usage.prefill_ms);
  f.field("decode_ms", usage.decode_ms);
  f.field("load_ms", usage.load_ms);
}

template <class F, Some<os::SandboxFacts> T>
void describe(F& f, T& facts) {
  f.field("landlock_abi", facts.landlock_abi);
  f.field("files", facts.files);
  f.field("network", facts.network);
  f.field("signals", facts.signals);
  f.field("calls", facts.calls);
  f.field("opens", facts.opens);
  f.field("unprivileged", facts.unprivileged);
  f.field("missing", facts.missing, kMaxList);
}

template <class F, Some<Load> T>
void describe(F& f, T& load) {
  f.field("name", load.name, kMaxName);
  f.field("file", load.file, kMaxName);
  f.field("n_ctx", load.n_ctx);
  f.field("n_sequences", load.n_sequences);
  f.field("max_batch", load.max_batch);
  f.field("n_threads", load.n_threads);
  f.field("cache_k", load.cache_k, kMaxName);
  f.field("cache_v", load.cache_v, kMaxName);
  f.field("deterministic", load.deterministic);
  f.field("reference", load.reference);
  f.field("memory_bytes", load.memory_bytes);
}

template <class F, Some<Loaded> T>
void describe(F& f, T& loaded) {
  f.field("arch", loaded.arch, kMaxName);
  f.field("backend", loaded.backend, kMaxName);
  f.field("n_ctx", loaded.n_ctx);
  f.field("n_sequences", loaded.n_sequences);
  f.field("n_vocab", loaded.n_vocab);
  f.field("encoder", loaded.encoder);
  f.field("file_bytes", loaded.file_bytes);
  f.field("kv_bytes", loaded.kv_bytes);
  f.field("scratch_bytes", loaded.scratch_bytes);
  f.field("load_ms", loaded.load_ms);
  f.field("model", loaded.model);
  f.field("warnings", loaded.warnings, kMaxList);
  f.field("sandbox", loaded.sandbox);
}

template <class F, Some<Refused> T>
void describe(F& f, T& refused) {
  f.field("error", refused.error);
}

template <class F, Some<Job> T>
void describe_prompt(F& f, T& job) {
  f.field("messages", job.messages);
  f.field("tools", job.tools);
  f.field("variables", job.variables);
  f.field("add_generation_prompt", job.add_generation_prompt);
  f.field("continue_last", job.continue_last);
  f.field("chat_template", job.chat_template);
  f.field("prompt", job.prompt);
  f.field("suffix", job.suffix);
  f.field("tokens", job.tokens, kMaxTokens);
  f.field("texts", job.texts, kMaxList);
  f.field("token_counts", job.token_counts, kMaxList);
  f.field("add_special", job.add_special);
  f.field("parse_special", job.parse_special);
}

template <class F, Some<Job> T>
void describe(F& f, T& job) {
  f.field("id", job.id);
  f.field("owner", job.owner, kMaxName);
  f.field("kind", job.kind);
  describe_prompt(f, job);
  f.field("sampler", job.sampler);
  f.field("max_tokens", job.max_tokens);
  f.field("stop", job.stop, kMaxList);
  f.field("ignore_end", job.ignore_end);
  f.field("n", job.n);
  f.field("n_logprobs", job.n_logprobs);
  f.field("echo", job.echo);
  f.field("want_tokens", job.want_tokens);
  f.field("shape", job.shape);
  f.field("shape_text", job.shape_text);
  f.field("tool_choice", job.tool_choice);
  f.field("tool_name", job.tool_name, kMaxName);
  f.field("parallel_tool_calls", job.parallel_tool_calls);
  f.field("thinking", job.thinking);
  f.field("thinking_budget", job.thinking_budget);
  f.field("reasoning_effort", job.reasoning_effort, kMaxName);
  f.field("split_reasoning", job.split_reasoning);
  f.field("pooling", job.pooling, kMaxName);
  f.field("deadline_ms", job.deadline_ms);
}

template <class F, Some<Event> T>
void describe(F& f, T& event) {
  f.field("id", event.id);
  f.field("kind", event.kind);
  f.field("i_answer", event.i_answer);
  f.field("text", event.text);
  f.field("reasoning", event.reasoning);
  f.field("tool_calls", event.tool_calls, kMaxList);
  f.field("tokens", event.tokens, kMaxTokens);
  f.field("logprobs", event.logprobs, kMaxTokens);
  f.field("logprob_texts", event.logprob_texts, kMaxTokens);
  f.field("finish_reason", event.finish_reason, kMaxName);
  f.field("stopped_by", event.stopped_by);
  f.field("result", event.result);
  f.field("usage", event.usage);
  f.field("warnings", event.warnings, kMaxList);
  f.field("error", event.error);
  f.field("retry_after_s", event.retry_after_s);
}

template <class F, Some<Cancel> T>
void describe(F& f, T& cancel) {
  f.field("id", cancel.id);
}

template <class F, Some<Park> T>
void describe(F& f, T& park) {
  f.field("id", park.id);
  f.field("parked", park.parked);
}

template <class F, Some<StatsRequest> T>
void describe(F& f, T& request) {
  f.field("id", request.id);
}

template <class F, Some<Stats> T>
void describe(F& f, T& stats) {
  f.field("id", stats.id);
  f.field("n_steps", stats.n_steps);
  f.field("jobs", stats.jobs);
}

template <class F, Some<Heartbeat> T>
void describe(F& f, T& heartbeat) {
  f.field("n_steps", heartbeat.n_steps);
  f.field("busy", heartbeat.busy);
}

template <class F, Some<Shutdown> T>
void describe(F&, T&) {}

namespace {

// That decode() will take what encode() makes: values from a request may be nested in anything.
Status check_nesting(const Json& root) {
  struct Open {
    const Json* value;
    int depth;
  };
  std::vector<Open> open = {{&root, 1}};
  while (!open.empty()) {
    const auto [value, depth] = open.back();
    open.pop_back();
    if (depth > kMaxFrameDepth) return over_limit("nested more than {} deep", kMaxFrameDepth);
    if (value->is_object() && value->size() > text::kMaxJsonMembers) {
      return over_limit("an object has more than {} members", text::kMaxJsonMembers);
    }
    for (const Json& part : *value) {
      if (part.is_structured()) open.push_back({&part, depth + 1});
    }
  }
  return {};
}

template <size_t i = 0>
Result<Message> read_as(size_t i_type, FieldReader& fields) {
  if constexpr (i < std::variant_size_v<Message>) {
    if (i_type != i) return read_as<i + 1>(i_type, fields);
    std::variant_alternative_t<i, Message> value;
    describe(fields, value);
    TRY(within(kTypes[i], fields.finish()));
    return Message(std::move(value));
  } else {
    return internal_error("no such message");
  }
}

}  // namespace

Result<std::string> encode(const Message& message) {
  FieldWriter fields;
  fields.field("type", std::string(kTypes[message.index()]));
  if (std::holds_alternative<Load>(message)) fields.field("version", kProtocolVersion);
  std::visit([&](const auto& value) { describe(fields, value); }, message);
  const Json object = fields.take();
  TRY(within(kTypes[message.index()], check_nesting(object)));
  std::string frame(kFrameHeadBytes, '\0');
  frame += object.dump(-1, ' ', false, Json::error_handler_t::replace);
  const size_t n = frame.size() - kFrameHeadBytes;
  if (n > kMaxFrameBytes) {
    return over_limit("{}: {} bytes, at most {}", kTypes[message.index()], n, kMaxFrameBytes);
  }
  const auto length = static_cast<uint32_t>(n);
  std::memcpy(frame.data(), &length, kFrameHeadBytes);
  return frame;
}

Result<Message> decode(std::string_view payload) {
  if (payload.size() > kMaxFrameBytes) return over_limit("{} bytes", payload.size());
  TRY_LET(Json object, text::parse_exact_json(payload, kMaxFrameDepth));
  if (!object.is_object()) return invalid("must be an object, not {}", object.type_name());
  FieldReader fields(object);
  std::string type;
  fields.field("type", type, kMaxName);
  const auto found = std::find(kTypes.begin(), kTypes.end(), type);
  if (found == kTypes.end()) return invalid("no message is called {}", quote(type));
  if (*found == kTypes[0]) {
    int version = 0;
    fields.field("version", version);
    if (version != kProtocolVersion) {
      return unsupported("version {} of the protocol, not {}", version, kProtocolVersion);
    }
  }
  return read_as(static_cast<size_t>(found - kTypes.begin()), fields);
}

void FrameBuffer::append(std::string_view bytes) {
  constexpr size_t kMostKept = 256 * 1024;  // once a long frame was taken
  bytes_.erase(0, begin_);
  begin_ = 0;
  if (bytes_.empty() && bytes_.capacity() > kMostKept) bytes_.shrink_to_fit();
  bytes_ += bytes;
}

Result<std::optional<std::string_view>> FrameBuffer::next() {
  const std::string_view rest = std::string_view(bytes_).substr(begin_);
  if (rest.size() < kFrameHeadBytes) return std::nullopt;
  uint32_t length = 0;
  std::memcpy(&length, rest.data(), kFrameHeadBytes);
  if (length == 0 || length > kMaxFrameBytes) {
    return over_limit("a frame of {} bytes, at most {}", length, kMaxFrameBytes);
  }
  if (rest.size() - kFrameHeadBytes < length) return std::nullopt;
  begin_ += kFrameHeadBytes + length;
  return rest.substr(kFrameHeadBytes, length);
}

}  // namespace hearth::engine

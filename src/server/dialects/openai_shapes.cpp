// SPDX-License-Identifier: MIT
#include "server/dialects/openai_shapes.h"

#include <algorithm>
#include <cmath>

namespace hearth::server {
namespace {

// JSON has no infinity; OpenAI's clients know this number for "impossible".
constexpr double kLeastLogprob = -9999.0;

double finite(double logprob) {
  return std::isfinite(logprob) ? std::max(logprob, kLeastLogprob) : kLeastLogprob;
}

Json bytes_of(std::string_view text) {
  Json bytes = Json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json token_logprob(std::string_view text, double logprob) {
  return {{"token", text}, {"logprob", finite(logprob)}, {"bytes", bytes_of(text)}};
}

// The texts of all positions in order; "" where there are too few.
class Texts {
 public:
  explicit Texts(const std::vector<std::string>& all) : all_(all) {}
  std::string_view next() { return next_ < all_.size() ? all_[next_++] : std::string_view(); }

 private:
  const std::vector<std::string>& all_;
  size_t next_ = 0;
};

double per_second(int64_t n, double ms) { return ms > 0 ? static_cast<double>(n) * 1000 / ms : 0; }

}  // namespace

Json openai_usage(const engine::Usage& usage) {
  return {{"prompt_tokens", usage.n_prompt},
          {"completion_tokens", usage.n_completion},
          {"total_tokens", usage.n_prompt + usage.n_completion},
          {"prompt_tokens_details", {{"cached_tokens", usage.n_cached}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.n_reasoning}}}};
}

Json openai_timings(const engine::Usage& usage) {
  const int64_t n_computed = usage.n_prompt - usage.n_cached;
  return {{"cache_n", usage.n_cached},
          {"prompt_n", n_computed},
          {"prompt_ms", usage.prefill_ms},
          {"prompt_per_second", per_second(n_computed, usage.prefill_ms)},
          {"predicted_n", usage.n_completion},
          {"predicted_ms", usage.decode_ms},
          {"predicted_per_second", per_second(usage.n_completion, usage.decode_ms)},
          {"draft_n", usage.n_drafted},
          {"draft_n_accepted", usage.n_accepted},
          {"queued_ms", usage.queued_ms},
          {"load_ms", usage.load_ms}};
}

std::string openai_finish_reason(std::string_view reason) {
  if (reason == "context_full") return "length";
  return reason.empty() ? "stop" : std::string(reason);
}

Json openai_chat_logprobs(const std::vector<sample::PositionLogprobs>& positions,
                          const std::vector<std::string>& all_texts) {
  if (positions.empty()) return {};
  Texts texts(all_texts);
  Json content = Json::array();
  for (const sample::PositionLogprobs& position : positions) {
    Json entry = token_logprob(texts.next(), position.chosen.logprob);
    Json top = Json::array();
    for (const sample::TokenLogprob& other : position.top)
      top.push_back(token_logprob(texts.next(), other.logprob));
    entry["top_logprobs"] = std::move(top);
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json openai_text_logprobs(const std::vector<sample::PositionLogprobs>& positions,
                          const std::vector<std::string>& all_texts, size_t& offset) {
  if (positions.empty()) return {};
  Texts texts(all_texts);
  Json tokens = Json::array(), logprobs = Json::array(), tops = Json::array(),
       offsets = Json::array();
  for (const sample::PositionLogprobs& position : positions) {
    const std::string_view text = texts.next();
    tokens.push_back(text);
    // The first token of an echoed prompt comes from nothing.
    const bool known = !std::isnan(position.chosen.logprob);
    logprobs.push_back(known ? Json(finite(position.chosen.logprob)) : Json());
    Json top = Json::object();
    for (const sample::TokenLogprob& other : position.top)
      top[std::string(texts.next())] = finite(other.logprob);
    tops.push_back(known ? std::move(top) : Json());
    offsets.push_back(offset);
    offset += text.size();
  }
  return {{"tokens", std::move(tokens)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json openai_tool_call(std::string_view id, std::string_view name, std::string_view arguments) {
  Json function = Json::object();
  if (!name.empty()) function["name"] = name;
  function["arguments"] = arguments;
  Json call = Json::object();
  if (!id.empty()) {
    call["id"] = id;
    call["type"] = "function";
  }
  call["function"] = std::move(function);
  return call;
}

void add_warnings(Json& body, const std::vector<std::string>& warnings) {
  if (!warnings.empty()) body["warnings"] = warnings;
}

}  // namespace hearth::server

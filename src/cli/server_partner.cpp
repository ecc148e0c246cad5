// SPDX-License-Identifier: MIT
#include "cli/server_partner.h"

#include <cmath>
#include <utility>
#include <variant>

#include "base/env.h"
#include "base/json.h"
#include "cli/serve_options.h"
#include "cli/text_input.h"
#include "os/interrupt.h"
#include "server/serving.h"

namespace hearth::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kAtOnce{2};     // for a server that is well
constexpr std::chrono::minutes kPatience{30};  // it may load the model, and others may be first
constexpr size_t kMaxEventBytes = 16u << 20;   // of one event of the stream
constexpr size_t kMaxRefusalBytes = 1u << 20;  // of an answer that is an error

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return encoded;
}

std::string url_of(const http::ServerAddress& server) {
  const bool v6 = server.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", server.host, v6 ? "]" : "", server.port);
}

// What the server's JSON says went wrong.
Failure refusal(int status, std::string_view body) {
  const Json json = parse_ordered_json(body);
  const Json error = json.is_object() ? json.value("error", Json()) : Json();
  std::string message = fmt::format("the server answered with status {}", status);
  if (error.is_object() && error.value("message", Json()).is_string())
    message = error["message"].get<std::string>();
  const bool is_full = status == 400 && error.is_object() && error.value("code", Json()) == "limit";
  return Failure(Error{is_full ? ErrorCode::kLimit : ErrorCode::kInvalid, printable(message), {}});
}

int64_t count_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

double number_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

}  // namespace

bool needs_own_process(const RunOptions& options) {
  return options.raw || options.tokens || options.n_logprobs >= 0 || options.n_threads > 0 ||
         options.cache_k != DType::kF16 || options.cache_v != DType::kF16 ||
         options.sampler.dry_sequence_breakers != sample::SamplerParams{}.dry_sequence_breakers;
}

std::unique_ptr<ServerPartner> ServerPartner::find(const RunOptions& options, Output& out) {
  auto server = running_server(env);
  if (!server) {
    out.note("no server is asked: {}", server.error().message);
    return nullptr;
  }
  if (!server::is_loopback_host(server->host) && !env("HEARTH_HOST")) return nullptr;
  const auto shown =
      http::ask_server(*server, "GET", "/v1/models/" + percent_encoded(options.model), "", kAtOnce);
  if (!shown) {
    if (shown.error().code != ErrorCode::kIo)
      out.note("the server at {} is left alone: {}", url_of(*server), shown.error().message);
    return nullptr;
  }
  const Json card = parse_ordered_json(shown->body);
  const bool is_hearth = card.is_object() && card.value("owned_by", Json()) == "hearth";
  if (shown->status == 200 && is_hearth)
    return std::unique_ptr<ServerPartner>(new ServerPartner(options, std::move(*server)));
  if (shown->status == 401 || shown->status == 403)
    out.note("the server at {} wants a key (HEARTH_API_KEY): the model is loaded here",
             url_of(*server));
  return nullptr;
}

std::string ServerPartner::url() const { return url_of(server_); }

void ServerPartner::tell(Output& out) const {
  out.line("model     {}, at the server {} (hearth ps shows its memory)", options_.model, url());
}

Result<Json> ServerPartner::request(const Json& messages) const {
  Json body = {{"model", options_.model},
               {"messages", messages},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}},
               {"return_tokens", true},
               {"reasoning_format", "none"},
               {"max_tokens", options_.n_predict},
               {"ignore_eos", options_.ignore_eos}};
  if (!options_.stop.empty()) body["stop"] = options_.stop;
  if (options_.n_context > 0) body["num_ctx"] = options_.n_context;
  for (const sample::SamplerField& field : sample::sampler_fields()) {
    std::visit([&](auto value) { body[std::string(field.name)] = value; },
               sample::field_value(options_.sampler, field));
  }
  Json biases = Json::object();
  for (const sample::LogitBias& bias : options_.sampler.logit_bias)
    biases[std::to_string(bias.id)] = std::isinf(bias.bias) ? Json(false) : Json(bias.bias);
  if (!biases.empty()) body["logit_bias"] = std::move(biases);
  if (!options_.template_file.empty()) {
    TRY_LET(body["chat_template"], read_text(options_.template_file));
  }
  return body;
}

// The events of one answer's stream, one after the other.
class ServerPartner::Reader {
 public:
  explicit Reader(FunctionRef<void(std::string_view)> on_text) : on_text_(on_text) {}

  // False where the rest is not wanted.
  bool feed(int status, std::string_view piece) {
    text_ += piece;
    if (status != 200) return text_.size() <= kMaxRefusalBytes;
    for (size_t end = text_.find("\n\n"); end != std::string::npos; end = text_.find("\n\n")) {
      const std::string event = text_.substr(0, end);
      text_.erase(0, end + 2);
      if (event.starts_with("data: ") && event != "data: [DONE]") take(event.substr(6));
    }
    return text_.size() <= kMaxEventBytes;
  }

  const std::string& rest() const { return text_; }
  PartnerAnswer answer;
  Json tokens = Json::array(), timings = Json::object();
  std::string failure;  // an event that says what went wrong

 private:
  void take(const std::string& data) {
    const Json event = parse_ordered_json(data);
    if (!event.is_object()) return;
    if (event.contains("error")) failure = data;
    if (const auto warnings = event.find("warnings");
        warnings != event.end() && warnings->is_array()) {
      for (const Json& warning : *warnings) {
        if (warning.is_string()) answer.warnings.push_back(warning.get<std::string>());
      }
    }
    if (const Json usage = event.value("usage", Json()); usage.is_object()) {
      answer.n_prompt = count_in(usage, "prompt_tokens");
      answer.n_answer = count_in(usage, "completion_tokens");
    }
    if (const Json told = event.value("timings", Json()); told.is_object()) {
      timings = told;
      answer.n_cached = count_in(told, "cache_n");
      answer.prefill_tps = number_in(told, "prompt_per_second");
      answer.decode_tps = number_in(told, "predicted_per_second");
    }
    const Json choices = event.value("choices", Json());
    if (!choices.is_array() || choices.empty() || !choices[0].is_object()) return;
    if (const Json reason = choices[0].value("finish_reason", Json()); reason.is_string())
      answer.finish_reason = reason.get<std::string>();
    const Json delta = choices[0].value("delta", Json());
    if (!delta.is_object()) return;
    if (const Json ids = delta.value("tokens", Json()); ids.is_array())
      tokens.insert(tokens.end(), ids.begin(), ids.end());
    const Json content = delta.value("content", Json());
    if (!content.is_string() || content.get_ref<const std::string&>().empty()) return;
    answer.text += content.get_ref<const std::string&>();
    on_text_(content.get_ref<const std::string&>());
  }

  FunctionRef<void(std::string_view)> on_text_;
  std::string text_;  // not a whole event yet; of an error, its body
};

Result<PartnerAnswer> ServerPartner::answer(const Json& messages,
                                            FunctionRef<void(std::string_view)> on_text) {
  TRY_LET(const Json body, request(messages));
  Reader reader(on_text);
  const auto status = http::stream_from_server(
      server_, "POST", "/v1/chat/completions", json_text(body),
      [&](int code, std::string_view piece) { return reader.feed(code, piece); },
      os::InterruptGuard::flag(), kPatience);
  if (!status && !(status.error().code == ErrorCode::kInterrupted && os::InterruptGuard::flag()))
    return Failure(within(url(), status.error()));
  if (status && *status != 200) return refusal(*status, reader.rest());
  if (!reader.failure.empty()) return refusal(500, reader.failure);
  tokens_ = std::move(reader.tokens);
  timings_ = std::move(reader.timings);
  // What Ctrl-C ended stands as far as it came.
  if (!status) reader.answer.finish_reason = "interrupted";
  return std::move(reader.answer);
}

nlohmann::json ServerPartner::json_of(const PartnerAnswer& answer) const {
  const auto timing = [this](const char* name) {
    return timings_.is_object() && timings_.contains(name) ? timings_[name] : nlohmann::json(0);
  };
  return {{"text", answer.text},
          {"tokens", tokens_},
          {"finish_reason", answer.finish_reason},
          {"prompt_tokens", answer.n_prompt},
          {"cached_tokens", answer.n_cached},
          {"completion_tokens", answer.n_answer},
          {"warnings", answer.warnings},
          {"server", url()},
          {"timings",
           {{"load_ms", timing("load_ms")},
            {"prefill_ms", timing("prompt_ms")},
            {"decode_ms", timing("predicted_ms")},
            {"prefill_tps", answer.prefill_tps},
            {"decode_tps", answer.decode_tps}}}};
}

}  // namespace hearth::cli

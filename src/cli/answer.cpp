// SPDX-License-Identifier: MIT
#include "cli/answer.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/text_input.h"
#include "os/interrupt.h"

namespace hearth::cli {

Result<std::unique_ptr<Answerer>> Answerer::make(const RunOptions& options, bool reference) {
  const Stopwatch watch;
  auto made = std::unique_ptr<Answerer>(new Answerer);
  made->options_ = options;
  EngineSetup setup{.n_threads = options.n_threads, .reference = reference};
  setup.options.n_ctx = static_cast<int>(options.n_context);
  setup.options.kv = {options.cache_k, options.cache_v};
  TRY_LET(made->model_, load_model(options.model, setup));
  if (made->engine().spec().encoder) {
    return with_hint(unsupported("{} is an embedding model: it writes no text", made->model_.name),
                     "use hearth embed");
  }
  const file::Metadata& metadata = made->model_.file->metadata();
  TRY_LET(made->tokenizer_, within(made->model_.name, text::Tokenizer::make(metadata)));
  if (!options.template_file.empty()) {
    TRY_LET(const std::string source, read_text(options.template_file));
    TRY_LET(auto parsed, within(options.template_file, text::ChatTemplate::parse(source)));
    made->template_.emplace(std::move(parsed));
  } else if (const auto source = metadata.text("tokenizer.chat_template");
             source && !options.raw && !options.tokens) {
    TRY_LET(auto parsed, within("the model's chat template", text::ChatTemplate::parse(*source)));
    made->template_.emplace(std::move(parsed));
  }
  TRY_LET(engine::Sequence sequence, made->engine().open_sequence());
  made->sequence_.emplace(std::move(sequence));
  made->model_.load_ms = watch.elapsed_ms();
  return made;
}

Result<std::vector<int32_t>> Answerer::encode_messages(const nlohmann::ordered_json& messages) {
  if (!template_) {
    return with_hint(unsupported("{} has no chat template", model_.name),
                     "continue a text with --raw, or give one with --template FILE");
  }
  text::ChatInput input{.messages = messages, .tools = nullptr, .add_generation_prompt = true};
  const auto name_token = [&](const char* name, text::TokenId id) {
    if (tokenizer_->contains(id)) {
      input.variables[name] = std::string(tokenizer_->token_text(id));
    }
  };
  name_token("bos_token", tokenizer_->bos());
  name_token("eos_token", tokenizer_->eos());
  TRY_LET(const std::string prompt, template_->render(input));
  prompt_lost_bytes_ = tokenizer_->loses_bytes_of(prompt);
  // A template that writes the begin token itself must not get a second one.
  const text::TokenId bos = tokenizer_->bos();
  const bool has_bos = tokenizer_->contains(bos) && prompt.starts_with(tokenizer_->token_text(bos));
  return tokenizer_->encode(prompt, {.add_special = !has_bos, .parse_special = true});
}

std::vector<int32_t> Answerer::encode_raw(const std::string& text) {
  prompt_lost_bytes_ = tokenizer_->loses_bytes_of(text);
  return tokenizer_->encode(text, {.add_special = true, .parse_special = false});
}

Result<engine::GenerateResult> Answerer::answer(std::vector<int32_t> prompt,
                                                FunctionRef<void(std::string_view)> on_text) {
  engine::GenerateRequest request{.prompt = std::move(prompt),
                                  .sampler = options_.sampler,
                                  .max_tokens = options_.n_predict,
                                  .stop = options_.stop,
                                  .ignore_end = options_.ignore_eos,
                                  .n_logprobs = options_.n_logprobs};
  TRY_LET(engine::GenerateResult result,
          engine::generate(engine(), *tokenizer_, *sequence_, request, on_text,
                           &os::InterruptGuard::flag()));
  if (prompt_lost_bytes_) {
    result.warnings.emplace_back(
        "the model's vocabulary has no token for some characters of the prompt: they were left "
        "out");
  }
  return result;
}

nlohmann::json answer_json(const engine::GenerateResult& result, double load_ms) {
  nlohmann::json json = {{"text", result.text},
                         {"tokens", result.tokens},
                         {"finish_reason", engine::finish_reason_name(result.finish)},
                         {"prompt_tokens", result.n_prompt},
                         {"cached_tokens", result.n_cached},
                         {"completion_tokens", result.tokens.size()},
                         {"warnings", result.warnings},
                         {"timings",
                          {{"load_ms", load_ms},
                           {"prefill_ms", result.prefill_ms},
                           {"decode_ms", result.decode_ms},
                           {"prefill_tps", result.prefill_tps()},
                           {"decode_tps", result.decode_tps()}}}};
  if (result.logprobs.empty()) return json;
  nlohmann::json list = nlohmann::json::array();
  for (const sample::PositionLogprobs& position : result.logprobs) {
    nlohmann::json top = nlohmann::json::array();
    for (const sample::TokenLogprob& entry : position.top) {
      top.push_back({{"id", entry.id}, {"logprob", entry.logprob}});
    }
    list.push_back({{"id", position.chosen.id},
                    {"logprob", position.chosen.logprob},
                    {"top", std::move(top)}});
  }
  json["logprobs"] = std::move(list);
  return json;
}

}  // namespace hearth::cli

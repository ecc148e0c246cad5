// SPDX-License-Identifier: MIT
#include "cli/answer.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/text_input.h"
#include "engine/rank.h"
#include "os/interrupt.h"
#include "text/chat_template.h"

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
    const engine::Engine& encoder = made->engine();
    return with_hint(unsupported("{} is {} and writes no text", made->model_.name,
                                 engine::encoder_words(encoder)),
                     "{}", engine::encoder_hint(encoder));
  }
  const file::Metadata& metadata = made->model_.file->metadata();
  TRY_LET(made->tokenizer_, within(made->model_.name, text::Tokenizer::make(metadata)));
  std::string chat_template(metadata.text("tokenizer.chat_template").value_or(""));
  if (!options.template_file.empty()) {
    TRY_LET(chat_template, read_text(options.template_file));
    TRY(within(options.template_file, text::ChatTemplate::parse(chat_template)));
  }
  made->has_template_ = !chat_template.empty();
  made->prompts_.emplace(chat_template, *made->tokenizer_, made->engine().n_ctx());
  TRY_LET(engine::Sequence sequence, made->engine().open_sequence());
  made->sequence_.emplace(std::move(sequence));
  made->model_.load_ms = watch.elapsed_ms();
  return made;
}

Result<std::vector<int32_t>> Answerer::encode_messages(const nlohmann::ordered_json& messages) {
  if (!has_template_) {
    return with_hint(unsupported("{} has no chat template", model_.name),
                     "continue a text with --raw, or give one with --template FILE");
  }
  engine::Job job;
  job.messages = messages;
  TRY_LET(engine::JobPrompt prompt, prompts_->make(job));
  prompt_warnings_ = std::move(prompt.warnings);
  return std::move(prompt.tokens);
}

std::vector<int32_t> Answerer::encode_raw(const std::string& text) {
  prompt_warnings_.clear();
  if (tokenizer_->loses_bytes_of(text)) {
    prompt_warnings_.emplace_back(
        "the model's vocabulary has no token for some characters of the prompt: they were left "
        "out");
  }
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
  result.warnings.insert(result.warnings.end(), prompt_warnings_.begin(), prompt_warnings_.end());
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

// SPDX-License-Identifier: MIT
// Source: llama.cpp's tools/server/README.md, 2026.
#include "server/dialects/llama_fields.h"

#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

constexpr Field kAnswer[] = {
    text("model", kMaxModelName, "a model of this server; else the one that is loaded"),
    flag("stream", "the answer as it grows, as server-sent events"),
    integer("n_predict", -1, kMaxTokens, "tokens of the answer; -1: until it ends"),
    integer("max_tokens", -1, kMaxTokens, "another name of n_predict"),
    texts("stop", kMaxStops, "texts at which the answer ends"),
    any("logit_bias", "token ids and what is added to their logits"),
    flag("ignore_eos", "go on where the model would end"),
    integer("n_probs", 0, 100, "the likeliest tokens at each position"),
    text("grammar", kMaxGrammar, "a GBNF grammar that the answer keeps to"),
    any("json_schema", "a JSON schema that the answer keeps to"),
    flag("return_tokens", "ids of the answer's tokens"),
    any("keep_alive", "how long the model stays loaded"),
    no_effect("cache_prompt", "beginnings of prompts are always reused, with the same tokens"),
    no_effect("timings_per_token", "times are told at the end"),
    no_effect("samplers", "the order of the samplers is llama.cpp's default"),
    no_effect("post_sampling_probs", "probabilities are the model's own"),
    no_effect("response_fields", "all fields are told"),
    no_effect("t_max_prompt_ms", "requests end when their client does"),
    no_effect("t_max_predict_ms", "requests end when their client does"),
    warned("id_slot", "hearth places requests itself"),
    warned("n_keep", "a full context ends the answer, nothing is dropped"),
    warned("n_cache_reuse", "beginnings of prompts are reused as they are"),
    warned("n_indent", "not supported"),
    warned("return_progress", "progress of prompts is not told"),
    refused("lora", "adapters are not supported"),
    refused("image_data", "images are not supported"),
};

FieldTable with_answer(std::initializer_list<Field> rows) {
  FieldTable table(std::begin(kAnswer), std::end(kAnswer));
  table.insert(table.end(), rows.begin(), rows.end());
  for (const Field& row : with_sampler_fields({})) table.push_back(row);
  return table;
}

}  // namespace

const FieldTable& llama_completion_fields() {
  static const FieldTable table = with_answer({any("prompt", "a text, or a list of tokens")});
  return table;
}

const FieldTable& llama_infill_fields() {
  static const FieldTable table = with_answer({
      text("input_prefix", kMaxText, "the text before the gap"),
      text("input_suffix", kMaxText, "the text after the gap"),
      list("input_extra", 256, "further files, {filename, text}: told before the prefix"),
      any("prompt", "a text that follows the prefix"),
  });
  return table;
}

const FieldTable& llama_tokenize_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server; else the one that is loaded"),
      text("content", kMaxText, "the text"),
      flag("add_special", "with the tokens that begin a text"),
      flag("parse_special", "texts of special tokens become those; on where it is not said"),
      flag("with_pieces", "with the text of each token"),
  };
  return table;
}

const FieldTable& llama_detokenize_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server; else the one that is loaded"),
      list("tokens", 4 << 20, "ids of tokens"),
  };
  return table;
}

const FieldTable& llama_template_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server; else the one that is loaded"),
      list("messages", kMaxMessages, "the conversation; texts only"),
      list("tools", kMaxTools, "functions that the model may call"),
      object("chat_template_kwargs", "further variables of the template"),
      flag("add_generation_prompt", "end where an answer begins; on where it is not said"),
  };
  return table;
}

}  // namespace hearth::server

// SPDX-License-Identifier: MIT
// Source: Ollama's docs/api.md and api/types.go, 2026.
#include "server/dialects/ollama_fields.h"

#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

constexpr std::string_view kPlanned = "hearth plans that itself";

}  // namespace

const FieldTable& ollama_options_fields() {
  static const FieldTable table = with_sampler_fields({
      texts("stop", kMaxStops, "texts at which an answer ends"),
      integer("num_predict", -2, kMaxTokens, "tokens of the answer; negative: until it ends"),
      integer("num_ctx", 0, kMaxTokens, "positions of the context"),
      warned("num_keep", "a full context ends the answer, nothing is dropped"),
      warned("num_batch", kPlanned),
      warned("num_gpu", kPlanned),
      warned("main_gpu", kPlanned),
      warned("num_thread", kPlanned),
      warned("numa", kPlanned),
      warned("draft_num_predict", kPlanned),
      no_effect("use_mmap", "files are always mapped"),
      warned("use_mlock", kPlanned),
      no_effect("low_vram", kPlanned),
      no_effect("f16_kv", kPlanned),
      no_effect("vocab_only", "of old versions"),
      no_effect("logits_all", "of old versions"),
      no_effect("embedding_only", "of old versions"),
      no_effect("penalize_newline", "line breaks are tokens like others"),
      no_effect("tfs_z", "of old versions"),
  });
  return table;
}

const FieldTable& ollama_chat_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      list("messages", kMaxMessages, "the conversation; none loads the model"),
      list("tools", kMaxTools, "functions that the model may call"),
      any("format", "json, or a JSON schema"),
      object("options", "sampling and context"),
      flag("stream", "lines as the answer grows; on where it is not said"),
      any("keep_alive", "how long the model stays: \"5m\", seconds, -1 for ever, 0 goes now"),
      any("think", "true, false, low, medium, high"),
      flag("logprobs", "log-probabilities of the answer's tokens"),
      integer("top_logprobs", 0, 20, "and of the likeliest ones at each position"),
      refused("truncate", "prompts are never cut here"),
      refused("shift", "a full context ends the answer, nothing is dropped"),
  };
  return table;
}

const FieldTable& ollama_generate_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      text("prompt", kMaxText, "the user's text; none loads the model"),
      text("suffix", kMaxText, "fill in the middle between prompt and suffix"),
      list("images", 64, "not supported: must be empty"),
      any("format", "json, or a JSON schema"),
      object("options", "sampling and context"),
      text("system", kMaxText, "the system text"),
      text("template", kMaxText, "a Jinja template instead of the model's own"),
      list("context", 1 << 20, "not supported: must be empty; keep messages and use /api/chat"),
      flag("stream", "lines as the answer grows; on where it is not said"),
      flag("raw", "the prompt as it is, without a template"),
      any("keep_alive", "how long the model stays: \"5m\", seconds, -1 for ever, 0 goes now"),
      any("think", "true, false, low, medium, high"),
      flag("logprobs", "log-probabilities of the answer's tokens"),
      integer("top_logprobs", 0, 20, "and of the likeliest ones at each position"),
      refused("truncate", "prompts are never cut here"),
      refused("shift", "a full context ends the answer, nothing is dropped"),
      refused("width", "images are not supported"),
      refused("height", "images are not supported"),
  };
  return table;
}

const FieldTable& ollama_embed_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      any("input", "a text or a list of texts"),
      warned("truncate", "a text that is too long is an error, never cut"),
      integer("dimensions", 1, 1 << 20, "the first ones of each vector, scaled to length 1 again"),
      object("options", "of the model's loading"),
      any("keep_alive", "how long the model stays"),
  };
  return table;
}

const FieldTable& ollama_embeddings_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      text("prompt", kMaxText, "the text"),
      object("options", "of the model's loading"),
      any("keep_alive", "how long the model stays"),
  };
  return table;
}

const FieldTable& ollama_show_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      text("name", kMaxModelName, "another name of model"),
      no_effect("verbose", "long lists of the file are always left out"),
      no_effect("system", "of old versions"),
      no_effect("template", "of old versions"),
      no_effect("options", "of old versions"),
  };
  return table;
}

const FieldTable& ollama_pull_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of the catalogue"),
      text("name", kMaxModelName, "another name of model"),
      flag("stream", "lines as it goes on; on where it is not said"),
      flag("insecure", "true is not followed: every byte is held against a checksum"),
  };
  return table;
}

const FieldTable& ollama_delete_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "the model"),
      text("name", kMaxModelName, "another name of model"),
  };
  return table;
}

const FieldTable& ollama_copy_fields() {
  static const FieldTable table = {
      text("source", kMaxModelName, "the model to copy"),
      text("destination", kMaxModelName, "the new name"),
  };
  return table;
}

const FieldTable& ollama_create_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "the new name"),
      text("name", kMaxModelName, "another name of model"),
      text("from", kMaxModelName, "the model below it"),
      text("system", kMaxText, "the system text of its chats"),
      text("template", kMaxText, "a Jinja template instead of the model's own"),
      object("parameters", "options, where a request says nothing"),
      list("messages", 1024, "messages before those of a request"),
      any("license", "a text or a list of texts"),
      flag("stream", "lines as it goes on; on where it is not said"),
      refused("files", "import files with: hearth import FILE"),
      refused("adapters", "adapters are not supported"),
      refused("quantize", "models are not quantized over this interface"),
      refused("modelfile", "send from, system, parameters"),
  };
  return table;
}

std::string ollama_name(const RequestFields& fields) {
  return fields.text("model", fields.text("name"));
}

}  // namespace hearth::server

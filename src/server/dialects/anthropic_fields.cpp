// SPDX-License-Identifier: MIT
// Source: Anthropic API reference, messages and count_tokens, 2026.
#include "server/dialects/anthropic_fields.h"

#include "server/dialects/request_parts.h"

namespace hearth::server {

const FieldTable& anthropic_message_fields() {
  static const FieldTable table = with_sampler_fields({
      text("model", kMaxModelName, "a model of this server"),
      list("messages", kMaxMessages, "the conversation; texts, tools and their results"),
      any("system", "a text or blocks of text"),
      integer("max_tokens", 1, kMaxTokens, "of the answer; must be there"),
      flag("stream", "the answer as it grows, as server-sent events"),
      texts("stop_sequences", kMaxStops, "texts at which the answer ends"),
      list("tools", kMaxTools, "functions that the model may call"),
      any("tool_choice", "auto, any, none, or a tool"),
      any("thinking", "enabled with budget_tokens, adaptive, or disabled"),
      any("output_config", "effort, and format: a JSON schema"),
      any("output_format", "a JSON schema"),
      any("keep_alive", "how long the model stays loaded"),
      no_effect("metadata", "who asks is known by the key"),
      no_effect("service_tier", "there is one"),
      no_effect("cache_control", "beginnings of prompts are always kept"),
      no_effect("inference_geo", "it is this machine"),
      refused("container", "there are none"),
      refused("mcp_servers", "tools of MCP servers are the client's"),
      warned("context_management", "nothing is dropped from a conversation"),
  });
  return table;
}

const FieldTable& anthropic_count_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      list("messages", kMaxMessages, "the conversation"),
      any("system", "a text or blocks of text"),
      list("tools", kMaxTools, "functions that the model may call"),
      any("tool_choice", "auto, any, none, or a tool"),
      any("thinking", "enabled, adaptive or disabled"),
      any("output_config", "effort, and format: a JSON schema"),
      no_effect("cache_control", "beginnings of prompts are always kept"),
      warned("context_management", "nothing is dropped from a conversation"),
      refused("mcp_servers", "tools of MCP servers are the client's"),
  };
  return table;
}

const FieldTable& anthropic_thinking_fields() {
  static const FieldTable table = {
      text("type", 32, "enabled, adaptive, disabled"),
      integer("budget_tokens", 1, kMaxTokens, "of reasoning, then it is ended"),
      no_effect("display", "reasoning is always told"),
  };
  return table;
}

const FieldTable& anthropic_tool_choice_fields() {
  static const FieldTable table = {
      text("type", 32, "auto, any, tool, none"),
      text("name", 256, "of the tool"),
      flag("disable_parallel_tool_use", "one call at most"),
  };
  return table;
}

}  // namespace hearth::server

// SPDX-License-Identifier: MIT
// Any bytes as a chat template with a conversation: a prompt or an error, in bounded time and
// space. What stands after a NUL byte is the messages, as JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/chat_template.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace {

namespace jinja = hearth::text::jinja;
using hearth::text::check_messages;

nlohmann::ordered_json conversation(std::string_view text) {
  auto given = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!given.is_discarded()) return given;
  return nlohmann::ordered_json::parse(
      R"([{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"phở"}]},
          {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",
           "function":{"name":"f","arguments":{"a":[1,2.5,null,true]}}}]},
          {"role":"tool","content":"x\ny"}])",
      nullptr, false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t split = all.find('\0');
  const auto ast = jinja::parse(all.substr(0, split));
  if (!ast) return ast.error().message.empty() ? (std::abort(), 0) : 0;
  const auto messages = conversation(split == std::string_view::npos ? "" : all.substr(split + 1));
  (void)check_messages(messages);
  jinja::Limits limits;  // small, so that a run of the fuzzer tries many inputs
  limits.max_steps = 20'000;
  limits.max_heap_bytes = 8u << 20;
  limits.max_output_bytes = 1u << 20;
  jinja::Interpreter in(**ast, limits, std::tm{});
  const auto value = jinja::from_json(in.heap(), messages);
  if (!value) return 0;
  for (const char* name : {"messages", "m", "x"}) in.define(name, *value);
  in.define("s", in.heap().str("a, b\n  c ß"));
  in.define("n", jinja::Value::integer(3));
  const auto rendered = in.run();
  if (rendered && rendered->size() > limits.max_output_bytes) std::abort();
  if (!rendered && rendered.error().message.find("line ") != 0) std::abort();
  return 0;
}

// SPDX-License-Identifier: MIT
// Any bytes as a messages file (/load, hearth template --messages).
// Oracle: messages or an error with a message; what is accepted can be written and read again with
// the same meaning, and a template renders it or refuses it, always as well-formed UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/chat_template.h"

namespace hearth {
namespace {

constexpr std::string_view kTemplate =
    "{%- if tools %}{{ tools | tojson }}{% endif -%}"
    "{%- for m in messages %}<|{{ m.role }}|>{% if m.content is string %}{{ m.content | trim }}"
    "{% elif m.content %}{% for part in m.content %}{{ part.text | default(part) }}{% endfor %}"
    "{% endif %}{% if m.tool_calls %}{{ m.tool_calls | tojson(indent=2) }}{% endif %}\n{% endfor %}"
    "{%- if add_generation_prompt %}<|assistant|>{% endif %}";

void require(bool condition) {
  if (!condition) std::abort();
}

void try_messages(std::string_view bytes) {
  const auto input = text::parse_conversation(bytes);
  if (!input) {
    require(!input.error().message.empty());
    return;
  }
  const std::string written = input->messages.dump();
  const auto again = text::parse_conversation(written);
  require(again.has_value() && again->messages == input->messages);

  static const auto chat = text::ChatTemplate::parse(kTemplate);
  require(chat.has_value());
  const auto prompt = chat->render(*input);
  if (!prompt) {
    require(!prompt.error().message.empty());
    return;
  }
  require(nlohmann::json::accept(nlohmann::json(*prompt).dump()));
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::try_messages({reinterpret_cast<const char*>(data), size});
  return 0;
}

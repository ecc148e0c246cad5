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

#include "cli/chat_state.h"
#include "cli/output.h"
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
  const auto messages = cli::parse_messages(bytes);
  if (!messages) {
    require(!messages.error().message.empty());
    return;
  }
  const std::string written = cli::json_text({{"messages", *messages}});
  const auto again = cli::parse_messages(written);
  require(again.has_value() && *again == *messages);

  static const auto chat = text::ChatTemplate::parse(kTemplate);
  require(chat.has_value());
  text::ChatInput input{.messages = nlohmann::ordered_json(*messages),
                        .tools = nullptr,
                        .add_generation_prompt = true};
  const auto prompt = chat->render(input);
  if (!prompt) {
    require(!prompt.error().message.empty());
    return;
  }
  require(nlohmann::json::parse(cli::json_text(*prompt), nullptr, false).is_string());
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::try_messages({reinterpret_cast<const char*>(data), size});
  return 0;
}

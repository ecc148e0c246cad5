// SPDX-License-Identifier: MIT
// Chat templates: how a model wants a conversation written. In: the template that the model file
// brought (Jinja) and messages as JSON in the OpenAI shape. Out: the prompt, as Hugging Face's
// apply_chat_template gives it. A template is code from outside: it is bounded in steps, depth,
// memory and output, sees only the values given here, and reaches nothing else.
#pragma once
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::text {

namespace jinja {
class Ast;
}
class Tokenizer;

struct ChatInput {
  nlohmann::ordered_json messages;     // array; see check_messages
  nlohmann::ordered_json tools;        // array of objects, or null
  bool add_generation_prompt = false;  // end where the answer begins
  nlohmann::ordered_json variables =
      nlohmann::ordered_json::object();  // any others, by name:
                                         // bos_token, eos_token, enable_thinking, reasoning_effort,
                                         // …
  std::tm now = local_now();             // what strftime_now shows

  static std::tm local_now();
};

// The texts of the special tokens under the names that templates use: bos_token, eos_token, and the
// others that the vocabulary has.
nlohmann::ordered_json special_token_variables(const Tokenizer& tokenizer);

// What a template does, found by rendering small conversations with it.
struct ChatTemplateFacts {
  bool uses_tools = false;      // tools change the prompt
  std::string thinking_switch;  // the boolean variable that changes the prompt, or empty
  bool refuses_system = false;  // a system message is an error
};

// JSON text whose integers all keep their value: one past 64 bits, which the library would make a
// float without a word, is an error, as is what is not JSON.
Result<nlohmann::ordered_json> parse_exact_json(std::string_view text);

// Messages: an array of objects, each with a text "role"; "content" is text, null, absent, or an
// array of parts (text, or objects with a text "type"); "tool_calls" an array of objects. Errors
// name the message and the field.
Status check_messages(const nlohmann::ordered_json& messages);

// Immutable after parse; render may be called from several threads at once.
class ChatTemplate {
 public:
  // Errors name the line. An empty text is an error that says what to do instead.
  static Result<ChatTemplate> parse(std::string_view text);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // Errors: messages of the wrong shape, what the template itself refuses (raise_exception), what
  // Python would raise, a bound reached. They name the template's line.
  Result<std::string> render(const ChatInput& input) const;
  ChatTemplateFacts facts() const;
  const std::string& source() const { return source_; }

 private:
  ChatTemplate(std::string source, std::unique_ptr<jinja::Ast> ast);
  std::string source_;
  std::unique_ptr<jinja::Ast> ast_;
};

}  // namespace hearth::text

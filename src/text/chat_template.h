// SPDX-License-Identifier: MIT
// Chat templates: how a model wants a conversation written. In: the template that the model file
// brought (Jinja) and messages as JSON in the OpenAI shape. Out: the prompt, as Hugging Face's
// apply_chat_template gives it. A template is code from outside: it is bounded in steps, depth,
// memory and output, sees only the values given here, and reaches nothing else.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/messages.h"

namespace hearth::text {

namespace jinja {
class Ast;
}
class Tokenizer;

// The texts of the special tokens under the names that templates use: bos_token, eos_token, and the
// others that the vocabulary has.
nlohmann::ordered_json special_token_variables(const Tokenizer& tokenizer);

// What a template does, found by rendering small conversations with it.
struct ChatTemplateFacts {
  bool uses_tools = false;      // tools change the prompt
  std::string thinking_switch;  // the boolean variable that changes the prompt, or empty
  bool refuses_system = false;  // a system message is an error
  // Arguments of tool calls are wanted as objects: as JSON text they would be quoted once more.
  bool object_arguments = false;
};

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

// SPDX-License-Identifier: MIT
#include "text/chat_template.h"

#include <utility>
#include <vector>

#include "base/json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/tokenizer.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

// Bounds grow with the conversation: a template walks it a few times and copies parts of it.
constexpr uint64_t kStepsPerValue = 500;
constexpr size_t kHeapPerByte = 64;
constexpr size_t kOutputBase = 4u << 20;
constexpr size_t kOutputPerByte = 16;

struct Size {
  uint64_t n_values = 0;
  size_t n_bytes = 0;
};

// Without recursion: the depth is checked only where the values are made.
Size measure(const Json& json) {
  Size size;
  std::vector<const Json*> open{&json};
  while (!open.empty()) {
    const Json& value = *open.back();
    open.pop_back();
    ++size.n_values;
    size.n_bytes += sizeof(jinja::Value);
    if (value.is_string()) size.n_bytes += value.get_ref<const std::string&>().size();
    if (value.is_array())
      for (const Json& item : value) open.push_back(&item);
    if (!value.is_object()) continue;
    for (const auto& [key, item] : value.items()) {
      size.n_bytes += key.size();
      open.push_back(&item);
    }
  }
  return size;
}

jinja::Limits limits_for(const ChatInput& input) {
  jinja::Limits limits;
  Size size;
  for (const Json* json : {&input.messages, &input.tools, &input.variables}) {
    const Size part = measure(*json);
    size.n_values += part.n_values;
    size.n_bytes += part.n_bytes;
  }
  limits.max_steps += size.n_values * kStepsPerValue;
  limits.max_heap_bytes += size.n_bytes * kHeapPerByte;
  limits.max_output_bytes = kOutputBase + size.n_bytes * kOutputPerByte;
  return limits;
}

Status define(jinja::Interpreter& in, std::string_view name, const Json& json) {
  TRY_LET(const jinja::Value value, within(name, jinja::from_json(in.heap(), json)));
  in.define(name, value);
  return {};
}

// -- small conversations, for the facts

ChatInput one_question() {
  ChatInput input;
  input.messages = Json::array({{{"role", "user"}, {"content", "hello"}}});
  input.add_generation_prompt = true;
  input.variables["bos_token"] = "<s>";
  input.variables["eos_token"] = "</s>";
  return input;
}

Json one_tool() {
  return parse_ordered_json(R"([{"type":"function","function":{"name":"probe_tool",
      "description":"d","parameters":{"type":"object","properties":{"city":{"type":"string",
      "description":"c"}},"required":["city"]}}}])");
}

// Whether a call with these arguments shows them as JSON that is not quoted.
bool shows_arguments(const ChatTemplate& chat, const Json& arguments) {
  ChatInput input = one_question();
  input.tools = one_tool();
  const Json function = {{"name", "probe_tool"}, {"arguments", arguments}};
  const Json call = {{"id", "123456789"}, {"type", "function"}, {"function", function}};
  input.messages.push_back(
      {{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}});
  input.messages.push_back({{"role", "tool"},
                            {"tool_call_id", "123456789"},
                            {"name", "probe_tool"},
                            {"content", "sunny"}});
  const auto text = chat.render(input);
  return text && text->find(R"("probe_city":)") != std::string::npos;
}

bool switches(const ChatTemplate& chat, const char* name) {
  ChatInput on = one_question(), off = one_question();
  on.variables[name] = true;
  off.variables[name] = false;
  const auto with = chat.render(on), without = chat.render(off);
  return with && without && *with != *without;
}

}  // namespace

Json special_token_variables(const Tokenizer& tokenizer) {
  const SpecialIds& ids = tokenizer.special();
  Json variables = Json::object();
  for (const auto& [name, id] : {std::pair{"bos_token", ids.bos},
                                 {"eos_token", ids.eos},
                                 {"unk_token", ids.unknown},
                                 {"pad_token", ids.padding},
                                 {"sep_token", ids.separator},
                                 {"mask_token", ids.mask}})
    if (id != kNoToken) variables[name] = std::string(tokenizer.token_text(id));
  return variables;
}

ChatTemplate::ChatTemplate(std::string source, std::unique_ptr<jinja::Ast> ast)
    : source_(std::move(source)), ast_(std::move(ast)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view text) {
  if (text.empty())
    return with_hint(not_found("the model has no chat template"),
                     "give the text as it is with --raw, or a template with --template FILE");
  TRY_LET(auto ast, within("chat template", jinja::parse(text)));
  return ChatTemplate(std::string(text), std::move(ast));
}

Result<std::string> ChatTemplate::render(const ChatInput& input) const {
  TRY(check_messages(input.messages));
  TRY(check_tools(input.tools));
  if (!input.variables.is_object())
    return invalid("the variables must be an object, not {}", input.variables.type_name());
  jinja::Interpreter in(*ast_, limits_for(input), input.now);
  TRY(define(in, "documents", nullptr));
  for (const auto& [name, value] : input.variables.items()) TRY(define(in, name, value));
  TRY(define(in, "messages", input.messages));
  TRY(define(in, "tools", input.tools));
  TRY(define(in, "add_generation_prompt", input.add_generation_prompt));
  return within("chat template", in.run());
}

ChatTemplateFacts ChatTemplate::facts() const {
  ChatTemplateFacts facts;
  const auto plain = render(one_question());
  ChatInput with_tool = one_question();
  with_tool.tools = one_tool();
  const auto tooled = render(with_tool);
  facts.uses_tools = tooled && tooled->find("probe_tool") != std::string::npos;
  ChatInput with_system = one_question();
  with_system.messages.insert(with_system.messages.begin(),
                              Json{{"role", "system"}, {"content", "be kind"}});
  facts.refuses_system = plain && !render(with_system);
  facts.object_arguments = !shows_arguments(*this, R"({"probe_city": "x"})") &&
                           shows_arguments(*this, Json{{"probe_city", "x"}});
  for (const char* name : {"enable_thinking", "thinking"})
    if (facts.thinking_switch.empty() && switches(*this, name)) facts.thinking_switch = name;
  return facts;
}

}  // namespace hearth::text

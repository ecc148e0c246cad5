// SPDX-License-Identifier: MIT
#include "engine/job_prompt.h"

#include <algorithm>
#include <utility>

#include "base/function_ref.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

// Each text of a value and the name of the member that holds it, members' names themselves left
// out. Without recursion: whoever sent it chose the depth.
void for_each_text(Json& root, FunctionRef<void(std::string_view name, std::string&)> f) {
  std::vector<std::pair<std::string, Json*>> open{{"", &root}};
  while (!open.empty()) {
    const auto [name, value] = std::move(open.back());
    open.pop_back();
    if (value->is_string()) f(name, value->get_ref<std::string&>());
    if (value->is_array()) {
      for (Json& item : *value) open.emplace_back(name, &item);
    } else if (value->is_object()) {
      for (auto& [key, item] : value->items()) open.emplace_back(key, &item);
    }
  }
}

// A character that no text of the input has: one of Unicode's 32 noncharacters, which are for
// such inner use. Where somebody sends all of them, the last one is lost from his text.
std::string unused_character(text::ChatInput& input) {
  std::string shield;
  for (char last = '\x90'; last <= '\xAF'; ++last) {
    shield = {'\xEF', '\xB7', last};
    bool used = false;
    for (Json* const json : {&input.messages, &input.tools, &input.variables}) {
      for_each_text(*json, [&](std::string_view, std::string& text) {
        used = used || text.find(shield) != std::string::npos;
      });
    }
    if (!used) break;
  }
  return shield;
}

std::string remove_all(std::string text, std::string_view part) {
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
    text.erase(at, part.size());
  }
  return text;
}

// The text of the last message where it is the assistant's.
Result<std::string> text_to_continue(const Json& messages) {
  if (!messages.is_array() || messages.empty() || !messages.back().is_object()) {
    return invalid("there is no last message to go on with");
  }
  const Json& last = messages.back();
  if (last.value("role", Json()) != "assistant") {
    return invalid("the last message is not the assistant's, so there is nothing to go on with");
  }
  std::string text;
  const auto content = last.find("content");
  if (content != last.end() && content->is_string()) return content->get<std::string>();
  if (content == last.end() || !content->is_array()) return text;
  for (const Json& part : *content) {
    if (part.is_string()) text += part.get<std::string>();
    if (part.is_object() && part.contains("text") && part["text"].is_string()) {
      text += part["text"].get<std::string>();
    }
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// Where the answer goes on: behind the last message's own text, before what ends its turn.
Status cut_behind(std::string& prompt, std::string_view text) {
  const std::string_view whole = trimmed(text);
  const size_t at = prompt.rfind(whole);
  if (at == std::string::npos) {
    return unsupported("the model's template does not write the last message as it is");
  }
  // The template may have trimmed the text; white space that it kept belongs to it.
  size_t end = at + whole.size();
  const std::string_view tail = text.substr(text.rfind(whole) + whole.size());
  for (size_t i = 0; i < tail.size() && end < prompt.size() && prompt[end] == tail[i]; ++i) ++end;
  prompt.resize(end);
  return {};
}

}  // namespace

JobPrompts::JobPrompts(std::string_view chat_template, const text::Tokenizer& tokenizer, int n_ctx)
    : tokenizer_(tokenizer),
      n_ctx_(n_ctx),
      variables_(text::special_token_variables(tokenizer)),
      no_template_{ErrorCode::kUnsupported, "the model has no chat template",
                   "continue a text instead, or send a template with the request"} {
  for (size_t id = 0; id < tokenizer.n_vocab(); ++id) {
    longest_token_ =
        std::max(longest_token_, tokenizer.token_text(static_cast<text::TokenId>(id)).size());
  }
  if (chat_template.empty()) return;
  auto parsed = within("the model's chat template", text::ChatTemplate::parse(chat_template));
  if (!parsed) {
    no_template_ = parsed.error();
    return;
  }
  template_.emplace(std::move(*parsed));
  facts_ = template_->facts();
  format_ = text::find_answer_format(template_->source());
}

Result<JobPrompt> JobPrompts::make(const Job& job) const {
  if (job.kind != JobKind::kComplete) return chat(job);
  return job.suffix.empty() ? complete(job) : fill_in(job);
}

Result<const text::ChatTemplate*> JobPrompts::choose(const Job& job,
                                                     std::optional<text::ChatTemplate>& own) const {
  if (!job.chat_template.empty()) {
    TRY_LET(auto parsed, text::ChatTemplate::parse(job.chat_template));
    own.emplace(std::move(parsed));
    return &*own;
  }
  if (!template_) return Failure(no_template_);
  return &*template_;
}

Status JobPrompts::add_thinking(const Job& job, const text::ChatTemplateFacts& facts,
                                text::ChatInput& input, std::vector<std::string>& warnings) const {
  if (!job.reasoning_effort.empty()) input.variables["reasoning_effort"] = job.reasoning_effort;
  if (job.thinking == Thinking::kModelsOwn) return {};
  if (facts.thinking_switch.empty()) {
    warnings.emplace_back(
        "the model's template has no switch for thinking: it does as it always does");
    return {};
  }
  input.variables[facts.thinking_switch] = job.thinking == Thinking::kOn;
  return {};
}

Result<JobPrompt> JobPrompts::chat(const Job& job) const {
  std::optional<text::ChatTemplate> own;
  TRY_LET(const text::ChatTemplate* const chosen, choose(job, own));
  const text::ChatTemplateFacts facts = own ? own->facts() : *facts_;
  JobPrompt made;
  made.format = own ? text::find_answer_format(own->source()) : format_;
  text::ChatInput input{.messages = job.messages,
                        .tools = job.tool_choice == ToolChoice::kNone ? Json() : job.tools,
                        .add_generation_prompt = job.add_generation_prompt && !job.continue_last,
                        .variables = variables_};
  if (job.variables.is_object()) input.variables.update(job.variables);
  TRY(add_thinking(job, facts, input, made.warnings));
  if (input.tools.is_array() && !input.tools.empty() && !facts.uses_tools) {
    made.warnings.emplace_back("the model's template knows no tools: it is not told of them");
  }
  if (facts.object_arguments) text::open_arguments(input.messages);
  const std::string shield = unused_character(input);
  for (Json* const json : {&input.messages, &input.tools}) {
    for_each_text(*json, [&](std::string_view name, std::string& text) {
      text = tokenizer_.shielded(text, shield, name == "text");
    });
  }
  for (auto& [name, value] : input.variables.items()) {
    const bool is_ours = variables_.contains(name) && variables_[name] == value;
    if (is_ours) continue;
    for_each_text(value, [&](std::string_view, std::string& text) {
      text = tokenizer_.shielded(text, shield, false);
    });
  }
  std::string last;
  if (job.continue_last) {
    TRY_LET(last, text_to_continue(input.messages));
    if (trimmed(last).empty()) {  // nothing was begun: the answer begins as ever
      input.messages.erase(input.messages.size() - 1);
      input.add_generation_prompt = true;
    }
  }
  TRY_LET(std::string prompt, chosen->render(input));
  if (!trimmed(last).empty()) TRY(cut_behind(prompt, last));
  TRY(check_length(prompt.size()));
  // A template that writes the begin token itself must not get a second one.
  const text::TokenId bos = tokenizer_.bos();
  const bool has_bos = tokenizer_.contains(bos) && prompt.starts_with(tokenizer_.token_text(bos));
  made.tokens =
      tokenizer_.encode(prompt, {.add_special = !has_bos, .parse_special = true, .shield = shield});
  made.text = remove_all(std::move(prompt), shield);
  check_lost(made.text, made.warnings);
  return made;
}

Result<JobPrompt> JobPrompts::complete(const Job& job) const {
  JobPrompt made;
  if (!job.tokens.empty()) {
    made.tokens = job.tokens;
    if (job.echo) made.text = tokenizer_.decode(job.tokens);
    return made;
  }
  TRY(check_length(job.prompt.size()));
  made.text = job.prompt;
  made.tokens = tokenizer_.encode(
      job.prompt, {.add_special = job.add_special, .parse_special = job.parse_special});
  check_lost(job.prompt, made.warnings);
  return made;
}

// The order of all families that publish these tokens: prefix, suffix, middle (Bavarian et al.
// 2022, arXiv:2207.14255, section 4.3).
Result<JobPrompt> JobPrompts::fill_in(const Job& job) const {
  const text::SpecialIds& ids = tokenizer_.special();
  for (const text::TokenId id : {ids.fim_prefix, ids.fim_suffix, ids.fim_middle}) {
    if (tokenizer_.contains(id)) continue;
    return with_hint(unsupported("the model has no tokens to fill in the middle of a text"),
                     "leave the suffix out, or use a model for code");
  }
  TRY(check_length(job.prompt.size() + job.suffix.size()));
  JobPrompt made;
  const auto add = [&](const std::string& text) {
    const auto tokens =
        tokenizer_.encode(text, {.add_special = false, .parse_special = job.parse_special});
    made.tokens.insert(made.tokens.end(), tokens.begin(), tokens.end());
    check_lost(text, made.warnings);
  };
  if (job.add_special && tokenizer_.adds_bos()) made.tokens.push_back(tokenizer_.bos());
  made.tokens.push_back(ids.fim_prefix);
  add(job.prompt);
  made.tokens.push_back(ids.fim_suffix);
  add(job.suffix);
  made.tokens.push_back(ids.fim_middle);
  made.text = job.prompt;
  return made;
}

// A text of so many bytes has at least as many tokens as the longest ones make of it, so that what
// can never fit is not cut into tokens first.
Status JobPrompts::check_length(size_t n_bytes) const {
  const size_t n_at_least = n_bytes / longest_token_;
  if (n_at_least <= static_cast<size_t>(n_ctx_)) return {};
  return with_hint(over_limit("the prompt has {} bytes, so more than {} tokens; the context holds "
                              "{}",
                              n_bytes, n_at_least, n_ctx_),
                   "use a longer context (-c) or a shorter prompt");
}

void JobPrompts::check_lost(std::string_view text, std::vector<std::string>& warnings) const {
  if (!tokenizer_.loses_bytes_of(text) || text.empty()) return;
  warnings.emplace_back(
      "the model's vocabulary has no token for some characters of the prompt: they were left out");
}

}  // namespace hearth::engine

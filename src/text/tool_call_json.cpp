// SPDX-License-Identifier: MIT
#include "text/tool_call_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "text/loose_value.h"
#include "text/messages.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// The text of a JSON string as it stands there, or nothing where it is none.
std::optional<std::string> string_of(std::string_view quoted) {
  const Json value = parse_ordered_json(quoted);
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

bool is_known_key(std::string_view key) {
  for (const std::string_view known :
       {"name", "tool_name", "arguments", "parameters", "function", "type", "id", "tool_call_id"}) {
    if (key == known) return true;
  }
  return false;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

void PlainJson::push(std::string_view text) {
  for (const char c : text) {
    if (in_string_ || !is_space(c)) text_ += c;
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (in_string_ && c == '\\') {
      is_escaped_ = true;
    } else if (c == '"') {
      in_string_ = !in_string_;
    }
  }
}

Reading JsonSpan::push(char c, bool& is_used) {
  is_used = true;
  if (in_string_) {
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (c == '\\') {
      is_escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (open_.empty()) return Reading::kDone;
    }
    return Reading::kMore;
  }
  const bool ends_scalar = is_space(c) || c == ',' || c == '}' || c == ']' || c == ':';
  if (is_scalar_ && ends_scalar) {
    is_used = false;
    return Reading::kDone;
  }
  if (c == '"') {
    in_string_ = true;
    if (is_scalar_) return Reading::kBad;
  } else if (c == '{' || c == '[') {
    open_.push_back(c);
    if (open_.size() > static_cast<size_t>(kMaxJsonDepth)) return Reading::kBad;
  } else if (c == '}' || c == ']') {
    if (open_.empty() || open_.back() != (c == '}' ? '{' : '[')) return Reading::kBad;
    open_.pop_back();
    if (open_.empty()) return Reading::kDone;
  } else if (open_.empty() && !is_space(c)) {
    is_scalar_ = true;
  }
  return Reading::kMore;
}

Reading JsonCall::push(std::string_view text, size_t& used) {
  for (used = 0; used < text.size();) {
    bool is_used = true;
    const Reading reading = push_char(text[used], is_used);
    if (is_used) ++used;
    if (reading != Reading::kMore) return reading;
  }
  return Reading::kMore;
}

Reading JsonCall::push_char(char c, bool& is_used) {
  if (in_key_ || in_value_) {
    std::string& raw = in_key_ ? key_ : value_;
    const bool streams =
        in_value_ && has_arguments_ && (key_ == "arguments" || key_ == "parameters");
    const Reading reading = span_.push(c, is_used);
    if (is_used) (streams ? arguments_ : raw) += c;
    if (reading == Reading::kDone) return end_value();
    return reading;
  }
  if (is_space(c)) return Reading::kMore;
  switch (want_) {
    case Want::kObject:
      want_ = Want::kKey;
      return c == '{' ? Reading::kMore : Reading::kBad;
    case Want::kKey:
      if (c == '}') return close();
      if (c != '"') return Reading::kBad;
      key_.clear();
      span_ = JsonSpan();
      in_key_ = true;
      return push_char(c, is_used);
    case Want::kColon:
      want_ = Want::kValue;
      return c == ':' ? Reading::kMore : Reading::kBad;
    case Want::kValue:
      if (key_ == "function" && c == '{' && depth_ == 0) {
        ++depth_;
        want_ = Want::kKey;
        return Reading::kMore;
      }
      if ((key_ == "arguments" || key_ == "parameters") && has_arguments_) return Reading::kBad;
      // Arguments that are an object go out as they come; those in a text are read as a whole.
      has_arguments_ =
          has_arguments_ || ((key_ == "arguments" || key_ == "parameters") && c == '{');
      span_ = JsonSpan();
      value_.clear();
      in_value_ = true;
      return push_char(c, is_used);
    case Want::kComma:
      if (c == '}') return close();
      want_ = Want::kKey;
      return c == ',' ? Reading::kMore : Reading::kBad;
  }
  return Reading::kBad;
}

Reading JsonCall::end_value() {
  if (in_key_) {
    in_key_ = false;
    want_ = Want::kColon;
    const auto key = string_of(key_);
    if (!key || !is_known_key(*key)) return Reading::kBad;
    key_ = *key;
    return Reading::kMore;
  }
  in_value_ = false;
  want_ = Want::kComma;
  const bool is_name = key_ == "name" || key_ == "tool_name" || key_ == "function";
  if (is_name) {
    const auto name = string_of(value_);
    if (!name || name->empty() || is_named_) return Reading::kBad;
    name_ = *name;
    is_named_ = true;
  } else if ((key_ == "arguments" || key_ == "parameters") && !has_arguments_) {
    const auto text = string_of(value_);
    if (!text && value_ != "null") return Reading::kBad;
    arguments_ = text && !trimmed(*text).empty() ? *text : "{}";
    has_arguments_ = true;
  }
  return Reading::kMore;
}

Reading JsonCall::close() {
  if (depth_ > 0) {
    --depth_;
    want_ = Want::kComma;
    return Reading::kMore;
  }
  if (!is_named_) return Reading::kBad;
  if (!has_arguments_) arguments_ = "{}";
  has_arguments_ = true;
  return Reading::kDone;
}

std::string JsonCall::take_arguments() { return std::exchange(arguments_, {}); }

namespace {

// Text up to `mark`, which is taken too; nothing where the mark does not come.
std::optional<std::string_view> cut(std::string_view& rest, std::string_view mark) {
  const size_t end = rest.find(mark);
  if (end == rest.npos) return std::nullopt;
  const std::string_view before = rest.substr(0, end);
  rest.remove_prefix(end + mark.size());
  return before;
}

std::string written(const Json& arguments) {
  return arguments.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// How the arguments of one tool are read.
class ArgumentTypes {
 public:
  ArgumentTypes(std::span<const TextArguments> known, std::string_view tool, bool has_lines = false)
      : has_lines_(has_lines) {
    for (const TextArguments& one : known) {
      if (one.tool == tool) texts_ = &one.names;
    }
  }
  Json value(std::string_view name, std::string_view text) const {
    const bool is_known = texts_ != nullptr;
    if (is_known && std::find(texts_->begin(), texts_->end(), name) != texts_->end())
      return plain(text);
    auto value = parse_exact_json(trimmed(text));
    if (value && (is_known || !value->is_string())) return std::move(*value);
    auto python = is_known ? python_value(trimmed(text)) : std::nullopt;
    return python ? std::move(*python) : Json(plain(text));
  }

 private:
  static std::optional<Json> python_value(std::string_view text) {
    const bool has_parts = text.starts_with('[') || text.starts_with('{');
    if (!has_parts && text != "True" && text != "False" && text != "None") return std::nullopt;
    LooseReader reader(text);
    auto value = reader.value();
    return reader.at_end() ? value : std::nullopt;
  }
  std::string plain(std::string_view text) const {
    if (has_lines_ && text.starts_with('\n')) text.remove_prefix(1);
    if (has_lines_ && text.ends_with('\n')) text.remove_suffix(1);
    return std::string(text);
  }

  bool has_lines_;  // around each value: of the tags, not of the value
  const std::vector<std::string>* texts_ = nullptr;
};

bool read_parameters(std::string_view body, std::string_view key_begin, std::string_view key_end,
                     std::string_view value_begin, std::string_view value_end,
                     const ArgumentTypes& types, Json& arguments) {
  for (size_t n = 0; !trimmed(body).empty(); ++n) {
    const auto before = cut(body, key_begin);
    const auto key = before ? cut(body, key_end) : before;
    const auto between = key && !value_begin.empty() ? cut(body, value_begin) : key;
    const auto value = between ? cut(body, value_end) : between;
    if (!value || !trimmed(*before).empty() || n >= kMaxJsonMembers) return false;
    const std::string name(trimmed(*key));
    arguments[name] = types.value(name, *value);
  }
  return true;
}

constexpr std::string_view kDsml = "｜DSML｜";

// The value of a parameter's tag, whose attributes are what is behind its name.
Json parameter_value(std::string_view attributes, std::string_view name, std::string_view text,
                     const ArgumentTypes& types) {
  if (attributes.find("string=\"true\"") != attributes.npos) return std::string(text);
  const bool is_json = attributes.find("string=\"false\"") != attributes.npos;
  auto value = is_json ? parse_exact_json(trimmed(text)) : Result<Json>(Json());
  return is_json && value ? std::move(*value) : types.value(name, text);
}

std::vector<WholeCall> read_invokes(std::string_view body, std::span<const TextArguments> known) {
  const std::string dsml(body.starts_with("<｜DSML｜") ? kDsml : "");
  const std::string invoke = "<" + dsml + "invoke name=\"", invoke_end = "</" + dsml + "invoke>";
  const std::string key_begin = "<" + dsml + "parameter name=\"";
  const std::string value_end = "</" + dsml + "parameter>";
  std::vector<WholeCall> calls;
  while (!body.empty()) {
    const auto before = cut(body, invoke);
    const auto name = before ? cut(body, "\"") : before;
    const auto rest = name ? cut(body, ">") : name;
    auto inside = rest ? cut(body, invoke_end) : rest;
    if (!inside || !trimmed(*before).empty() || trimmed(*name).empty()) return {};
    const ArgumentTypes types(known, trimmed(*name));
    Json arguments = Json::object();
    for (size_t n = 0; !trimmed(*inside).empty(); ++n) {
      const auto between = cut(*inside, key_begin);
      const auto key = between ? cut(*inside, "\"") : between;
      const auto attributes = key ? cut(*inside, ">") : key;
      const auto value = attributes ? cut(*inside, value_end) : attributes;
      if (!value || !trimmed(*between).empty() || n >= kMaxJsonMembers) return {};
      arguments[std::string(*key)] = parameter_value(*attributes, *key, *value, types);
    }
    calls.push_back({std::string(trimmed(*name)), written(arguments)});
    body = trimmed(body);
  }
  return calls;
}

// call:NAME{…}
std::vector<WholeCall> read_bare_objects(std::string_view body) {
  std::vector<WholeCall> calls;
  LooseReader reader(body);
  while (!reader.at_end()) {
    if (!calls.empty()) reader.take(",");
    if (!reader.take("call:")) return {};
    const std::string name(reader.word());
    const auto arguments = reader.value();
    if (name.empty() || !arguments || !arguments->is_object()) return {};
    calls.push_back({name, written(*arguments)});
  }
  return calls;
}

// [NAME(KEY=VALUE, …), …], with or without the brackets
std::vector<WholeCall> read_python_calls(std::string_view body) {
  std::vector<WholeCall> calls;
  LooseReader reader(body);
  const bool is_list = reader.take("[");
  while (is_list ? !reader.take("]") : !reader.at_end()) {
    if (!calls.empty() && !reader.take(",")) return {};
    const std::string name(reader.word());
    if (name.empty() || !reader.take("(")) return {};
    Json arguments = Json::object();
    while (!reader.take(")")) {
      if (!arguments.empty() && !reader.take(",")) return {};
      const std::string key(reader.word());
      auto value = !key.empty() && reader.take("=") ? reader.value() : std::nullopt;
      if (!value || arguments.size() >= kMaxJsonMembers) return {};
      arguments[key] = std::move(*value);
    }
    calls.push_back({name, written(arguments)});
  }
  return reader.at_end() ? calls : std::vector<WholeCall>();
}

// Past the text that begins with `quote`; npos where it does not end.
size_t end_of_text(std::string_view body, size_t at, std::string_view quote) {
  for (size_t i = at + quote.size(); i < body.size(); ++i) {
    if (body[i] == '\\' && quote.size() == 1) {
      ++i;
    } else if (body.substr(i).starts_with(quote)) {
      return i + quote.size();
    }
  }
  return body.npos;
}

}  // namespace

size_t find_end_of_calls(std::string_view body, std::string_view mark) {
  LooseReader reader(body);
  const bool is_python = reader.take("[") || (!reader.word().empty() && reader.take("("));
  if (!is_python && !trimmed(body).starts_with("call:")) return body.find(mark);
  for (size_t at = 0; at < body.size();) {
    const std::string_view rest = body.substr(at);
    if (rest.starts_with(mark)) return at;
    const bool is_marked = rest.starts_with(kTextMark);
    const bool is_quoted = is_python && (rest[0] == '"' || rest[0] == '\'');
    if (is_marked || is_quoted) {
      const size_t end = end_of_text(body, at, is_marked ? kTextMark : rest.substr(0, 1));
      if (end == body.npos) return end;
      at = end;
    } else {
      ++at;
    }
  }
  return body.npos;
}

// Beside what tool_call_json.h names: <invoke name="NAME"><parameter name="KEY">VALUE</parameter>…
// </invoke>, also with DeepSeek's ｜DSML｜ in each tag and string="true" or "false" behind the key;
// [NAME(KEY=VALUE, …), …] with Python's literals; call:NAME{KEY:VALUE,…} (loose_value.h).
std::vector<WholeCall> read_tagged_calls(std::string_view body, CallTags own,
                                         std::span<const TextArguments> known) {
  std::vector<WholeCall> calls;
  body = trimmed(body);
  if (body.starts_with("<invoke ") || body.starts_with("<｜DSML｜invoke "))
    return read_invokes(body, known);
  if (body.starts_with("call:")) return read_bare_objects(body);
  if (auto python = read_python_calls(body); !python.empty()) return python;
  while (body.starts_with("<function=")) {
    cut(body, "<function=");
    const auto name = cut(body, ">");
    const auto inside = name ? cut(body, "</function>") : name;
    Json arguments = Json::object();
    if (!inside || trimmed(*name).empty() ||
        !read_parameters(*inside, "<parameter=", ">", "", "</parameter>",
                         ArgumentTypes(known, trimmed(*name), own != CallTags::kInlineFunctions),
                         arguments))
      return {};
    calls.push_back({std::string(trimmed(*name)), written(arguments)});
    body = trimmed(body);
  }
  if (!calls.empty()) return body.empty() ? calls : std::vector<WholeCall>();
  const std::string_view name = trimmed(body.substr(0, body.find('<')));
  Json arguments = Json::object();
  const std::string_view rest = body.substr(std::min(body.find('<'), body.size()));
  if (name.empty() || name.find_first_of(" \n\"{}[]") != name.npos ||
      !read_parameters(rest, "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
                       ArgumentTypes(known, name), arguments))
    return {};
  calls.push_back({std::string(name), written(arguments)});
  return calls;
}

}  // namespace hearth::text

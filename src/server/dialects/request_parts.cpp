// SPDX-License-Identifier: MIT
#include "server/dialects/request_parts.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/quote.h"
#include "text/messages.h"

namespace hearth::server {
namespace {

constexpr size_t kMaxStopBytes = 4096;
constexpr size_t kMaxBiases = 4096;
constexpr size_t kMaxVariableBytes = 4096;  // F12
constexpr int64_t kMaxSeconds = int64_t{100} * 365 * 86400;

// "5m", "1h30m10s", "250ms", "1.5h", as Go writes durations; a bare number is seconds.
bool parse_duration(std::string_view text, double& seconds) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return false;
  double sum = 0;
  bool first = true;  // a bare number stands alone
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const size_t n_unit = std::min(text.find_first_of("0123456789."), text.size());
    const std::string_view unit = text.substr(0, n_unit);
    text.remove_prefix(n_unit);
    double scale = 0;
    if (unit == "s" || unit.empty()) scale = 1;
    if (unit == "ms") scale = 1e-3;
    if (unit == "us" || unit == "ns") scale = 1e-6;
    if (unit == "m") scale = 60;
    if (unit == "h") scale = 3600;
    if (scale == 0 || (unit.empty() && (!text.empty() || !first))) return false;
    first = false;
    sum += number * scale;
  }
  seconds = negative ? -sum : sum;
  return true;
}

Status check_tool(const Json& tool, size_t i) {
  const std::string where = fmt::format("tools[{}]", i);
  const std::string type = text_in(tool, "type");
  if (type != "function") return bad_field(where, "only tools of type 'function' are known here");
  const Json* function = member_of(tool, "function");
  if (function == nullptr || !function->is_object())
    return bad_field(where + ".function", "an object is wanted");
  const std::string name = text_in(*function, "name");
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (name.empty() || name.size() > 128 || !std::all_of(name.begin(), name.end(), allowed))
    return bad_field(where + ".function.name",
                     "1 to 128 letters, digits, '_', '-', '.' are wanted");
  const Json* parameters = member_of(*function, "parameters");
  if (parameters != nullptr && !parameters->is_object())
    return bad_field(where + ".function.parameters", "a JSON schema is wanted");
  return {};
}

bool has_tool(const Json& tools, std::string_view name) {
  if (!tools.is_array()) return false;
  return std::any_of(tools.begin(), tools.end(),
                     [&](const Json& tool) { return text_in(tool["function"], "name") == name; });
}

// What a profile sets where the request is silent.
Status apply_profile(const Profile& profile, engine::Job& job) {
  static const FieldTable table =
      with_sampler_fields({texts("stop", kMaxStops), integer("num_predict", -2, kMaxTokens),
                           integer("num_ctx", 0, kMaxTokens)});
  auto fields = RequestFields::read(table, profile.parameters, "parameters.");
  if (!fields) return Failure(within("model " + profile.name, fields.error()));
  TRY(fields->read_sampler(job.sampler));
  TRY(read_stop(*fields, "stop", job));
  if (fields->has("num_predict"))
    job.max_tokens = std::max<int64_t>(-1, fields->integer("num_predict", -1));
  job.chat_template = profile.chat_template;
  return {};
}

}  // namespace

Result<int64_t> read_duration(std::string_view field, const Json& value) {
  double seconds = 0;
  if (value.is_number()) {
    seconds = value.get<double>();
  } else if (!value.is_string() || !parse_duration(value.get_ref<const std::string&>(), seconds)) {
    return bad_field(field, "a number of seconds or a text such as \"5m\" is wanted");
  }
  if (seconds < 0) return -1;
  if (!(seconds <= static_cast<double>(kMaxSeconds))) return kMaxSeconds;
  return static_cast<int64_t>(std::ceil(seconds));
}

std::string default_model(App& app) {
  const std::vector<LoadedModel> loaded = app.models().loaded();
  if (!loaded.empty()) return loaded.front().name;
  const auto cards = app.models().list();
  return cards && cards->size() == 1 ? cards->front().name : "";
}

Result<Target> target_of(Call& call, const std::string& asked, engine::Job& job) {
  std::string name = asked;
  if (name.empty()) {
    name = default_model(call.app);
    if (name.empty()) return bad_field("model", "the name of a model is wanted");
    call.fields.warnings.push_back(fmt::format("no model was named: {} answers", quote(name)));
  }
  Target target{.model = name, .wish = call.app.options().default_wish};
  if (const auto profile = call.app.profiles().find(name)) {
    target.model = profile->from;
    TRY(apply_profile(*profile, job));
    if (const Json* n_ctx = member_of(profile->parameters, "num_ctx"))
      target.wish.n_ctx = n_ctx->is_number_integer() ? n_ctx->get<int64_t>() : 0;
    if (job.messages.is_array()) {
      Json before = profile->messages;
      const bool has_system =
          !job.messages.empty() && text_in(job.messages.front(), "role") == "system";
      if (!profile->system.empty() && !has_system)
        before.insert(before.begin(), Json{{"role", "system"}, {"content", profile->system}});
      job.messages.insert(job.messages.begin(), before.begin(), before.end());
    }
  }
  return target;
}

Result<Target> read_target(Call& call, engine::Job& job) {
  return target_of(call, call.fields.text("model"), job);
}

Status read_stop(const RequestFields& fields, std::string_view name, engine::Job& job) {
  if (!fields.has(name)) return {};
  job.stop.clear();
  for (std::string& stop : fields.texts(name)) {
    if (stop.size() > kMaxStopBytes)
      return bad_field(name, fmt::format("a text of at most {} bytes is wanted", kMaxStopBytes));
    if (!stop.empty()) job.stop.push_back(std::move(stop));
  }
  return {};
}

Status read_logit_bias(const Json& value, engine::Job& job) {
  constexpr std::string_view kField = "logit_bias";
  if (value.is_null()) return {};
  if (!value.is_object() && !value.is_array())
    return bad_field(kField, "an object of token ids and numbers is wanted");
  if (value.size() > kMaxBiases)
    return bad_field(kField, fmt::format("at most {} tokens are taken", kMaxBiases));
  for (const auto& [key, entry] : value.items()) {
    std::string id_text = key;
    const Json* bias = &entry;
    if (value.is_array()) {  // llama.cpp's [[id, bias], …]
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_number_integer())
        return bad_field(kField, "pairs of a token id and a number are wanted");
      id_text = entry[0].dump();
      bias = &entry[1];
    }
    int32_t id = 0;
    const auto [end, error] = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
    if (error != std::errc() || end != id_text.data() + id_text.size() || id < 0)
      return bad_field(kField, "a key is not the id of a token");
    if (bias->is_boolean() && !bias->get<bool>()) {
      job.sampler.logit_bias.push_back({id, -std::numeric_limits<double>::infinity()});
      continue;
    }
    if (!bias->is_number() || !(std::abs(bias->get<double>()) <= 1000))
      return bad_field(kField, "a bias is not a number from -1000 to 1000");
    job.sampler.logit_bias.push_back({id, bias->get<double>()});
  }
  return {};
}

Result<std::string> content_text(const Json& content, std::string_view where) {
  if (content.is_null()) return std::string();
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return bad_field(where, "a text or a list of parts is wanted");
  std::string all;
  for (size_t i = 0; i < content.size(); ++i) {
    const Json& part = content[i];
    const std::string type = part.is_string() ? "text" : text_in(part, "type");
    const bool is_text =
        type == "text" || type == "input_text" || type == "output_text" || type == "refusal";
    if (!is_text) {
      return with_hint(
          bad_field(fmt::format("{}[{}]", where, i),
                    fmt::format("parts of type {} (images, audio, files) are not supported",
                                quote(type))),
          "send text only");
    }
    if (!all.empty()) all += '\n';
    if (part.is_string()) {
      all += part.get<std::string>();
    } else {
      all += type == "refusal" ? text_in(part, "refusal") : text_in(part, "text");
    }
  }
  return all;
}

Result<Json> text_messages(Json messages) {
  if (const Status sound = text::check_messages(messages); !sound)
    return bad_field("messages", sound.error().message);
  if (messages.empty()) return bad_field("messages", "at least one message is wanted");
  for (size_t i = 0; i < messages.size(); ++i) {
    Json& message = messages[i];
    if (message["role"] == "developer") message["role"] = "system";
    const auto content = message.find("content");
    if (content == message.end() || content->is_null()) {
      message["content"] = "";
      continue;
    }
    TRY_LET(std::string flat, content_text(*content, fmt::format("messages[{}].content", i)));
    message["content"] = std::move(flat);
  }
  return messages;
}

Status set_schema(const Json& schema, std::string_view field, engine::Job& job) {
  if (!schema.is_object() && !schema.is_boolean())
    return bad_field(field, "a JSON schema is wanted");
  if (job.shape != engine::Shape::kFree)
    return bad_field(field, "another field restricts the answer already");
  job.shape = engine::Shape::kJsonSchema;
  job.shape_text = json_text(schema);
  if (job.shape_text.size() > kMaxGrammar)
    return bad_field(field, fmt::format("at most {} bytes are taken", kMaxGrammar));
  return {};
}

Status read_response_format(const Json& format, engine::Job& job) {
  constexpr std::string_view kField = "response_format";
  if (format.is_null()) return {};
  const std::string type = text_in(format, "type");
  if (type == "text") return {};
  if (type == "json_object") {
    // llama.cpp's servers take a schema here too.
    if (const Json* schema = member_of(format, "schema")) return set_schema(*schema, kField, job);
    job.shape = engine::Shape::kJsonObject;
    return {};
  }
  if (type != "json_schema")
    return bad_field(kField, "its type must be text, json_object or json_schema");
  const Json* wrapped = member_of(format, "json_schema");
  if (wrapped == nullptr) wrapped = &format;
  const Json* schema = member_of(*wrapped, "schema");
  if (schema == nullptr) return bad_field(kField, "json_schema.schema is missing");
  return set_schema(*schema, kField, job);
}

Status read_tools(Json tools, engine::Job& job) {
  if (tools.is_null() || tools.empty()) return {};
  for (size_t i = 0; i < tools.size(); ++i) TRY(check_tool(tools[i], i));
  job.tools = std::move(tools);
  return {};
}

Status read_tool_choice(const Json& choice, engine::Job& job) {
  constexpr std::string_view kField = "tool_choice";
  if (choice.is_null()) return {};
  const bool has_tools = job.tools.is_array();
  if (choice == "auto" || choice == "none") {
    job.tool_choice = choice == "auto" ? engine::ToolChoice::kAuto : engine::ToolChoice::kNone;
    return {};
  }
  if (!has_tools) return bad_field(kField, "there are no tools to choose from");
  if (choice == "required" || choice == "any") {
    job.tool_choice = engine::ToolChoice::kRequired;
    return {};
  }
  if (!choice.is_object())
    return bad_field(kField, "auto, none, required or a function's name is wanted");
  const Json* function = member_of(choice, "function");
  job.tool_name = text_in(function != nullptr ? *function : choice, "name");
  if (!has_tool(job.tools, job.tool_name))
    return bad_field(kField, "it names no function of 'tools'");
  job.tool_choice = engine::ToolChoice::kNamed;
  return {};
}

Status read_effort(std::string_view field, std::string_view effort, engine::Job& job) {
  if (effort.empty()) return {};
  if (effort == "none") {
    job.thinking = engine::Thinking::kOff;
    return {};
  }
  if (effort == "minimal") effort = "low";
  if (effort == "xhigh" || effort == "max") effort = "high";
  if (effort != "low" && effort != "medium" && effort != "high")
    return bad_field(field, "none, minimal, low, medium, high or xhigh is wanted");
  job.reasoning_effort = effort;
  return {};
}

Status read_variables(const Json& variables, std::string_view field, engine::Job& job) {
  if (variables.is_null()) return {};
  if (json_text(variables).size() > kMaxVariableBytes)
    return bad_field(field, fmt::format("at most {} bytes are taken", kMaxVariableBytes));
  // Those that have a field or a meaning of their own must not be set behind its back (F12).
  for (const char* taken : {"messages", "tools", "add_generation_prompt", "tokenize"}) {
    if (variables.contains(taken)) return bad_field(field, fmt::format("'{}' is not free", taken));
  }
  if (!job.variables.is_object()) job.variables = Json::object();
  for (const auto& [name, value] : variables.items()) job.variables[name] = value;
  return {};
}

}  // namespace hearth::server

// SPDX-License-Identifier: MIT
#include "server/fields.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/quote.h"

namespace hearth::server {
namespace {

constexpr size_t kMaxWarnings = 32;  // of unknown fields; the rest is counted
constexpr std::string_view kFieldBegin = "field '";

const Field* find_field(std::span<const Field> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Field& field) { return field.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string_view wanted(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return "true or false";
    case FieldType::kInteger:
      return "a whole number";
    case FieldType::kReal:
      return "a number";
    case FieldType::kText:
      return "a text";
    case FieldType::kTexts:
      return "a text or a list of texts";
    case FieldType::kList:
      return "a list";
    case FieldType::kObject:
      return "an object";
    case FieldType::kAny:
      break;
  }
  return "a value";
}

Failure wrong_type(std::string_view name, const Field& field, const Json& value) {
  return bad_field(name, fmt::format("{} is wanted, not {}", wanted(field.type),
                                     value.is_null() ? "null" : value.type_name()));
}

// A whole number in 64 bits, also when it is written 1.0 or 1e3.
bool read_whole(const Json& value, int64_t& whole) {
  if (value.is_number_unsigned()) {
    if (value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) return false;
    whole = value.get<int64_t>();
    return true;
  }
  if (value.is_number_integer()) {
    whole = value.get<int64_t>();
    return true;
  }
  const double real = value.get<double>();
  if (!(real >= -0x1p63 && real < 0x1p63) || real != std::floor(real)) return false;
  whole = static_cast<int64_t>(real);
  return true;
}

Status check_integer(std::string_view name, const Field& field, const Json& value) {
  int64_t whole = 0;
  if (!value.is_number()) return wrong_type(name, field, value);
  if (!read_whole(value, whole) || whole < field.least_count || whole > field.most_count)
    return bad_field(name, fmt::format("allowed are whole numbers from {} to {}", field.least_count,
                                       field.most_count));
  return {};
}

Status check_real(std::string_view name, const Field& field, const Json& value) {
  if (!value.is_number()) return wrong_type(name, field, value);
  const double real = value.get<double>();
  if (!(real >= field.least && real <= field.most))  // refuses NaN too
    return bad_field(name, fmt::format("allowed is {} to {}", field.least, field.most));
  return {};
}

Status check_texts(std::string_view name, const Field& field, const Json& value) {
  if (value.is_string()) return {};
  if (!value.is_array()) return wrong_type(name, field, value);
  if (value.size() > static_cast<size_t>(field.most_count))
    return bad_field(name, fmt::format("at most {} texts are taken", field.most_count));
  const bool all = std::all_of(value.begin(), value.end(), [](auto& v) { return v.is_string(); });
  return all ? Status{} : wrong_type(name, field, value);
}

}  // namespace

FieldTable with_sampler_fields(std::initializer_list<Field> rows) {
  FieldTable table(rows);
  for (const sample::SamplerField& sampler : sample::sampler_fields()) {
    if (find_field(table, sampler.name) != nullptr) continue;
    if (const auto* range = std::get_if<sample::IntRange>(&sampler.range)) {
      table.push_back(integer(sampler.name, range->min, range->max, sampler.help));
    } else {
      const auto& reals = std::get<sample::RealRange>(sampler.range);
      table.push_back(real(sampler.name, reals.min, reals.max, sampler.help));
    }
  }
  return table;
}

std::string_view field_of(const Error& error) {
  std::string_view message = error.message;
  if (!message.starts_with(kFieldBegin)) return {};
  message.remove_prefix(kFieldBegin.size());
  const size_t end = message.find('\'');
  return end == std::string_view::npos ? std::string_view() : message.substr(0, end);
}

Failure bad_field(std::string_view name, std::string_view why) {
  return invalid("{}{}': {}", kFieldBegin, name, why);
}

Result<RequestFields> RequestFields::read(std::span<const Field> table, Json object,
                                          std::string_view prefix) {
  if (!object.is_object()) {
    if (!prefix.empty())
      return bad_field(prefix.substr(0, prefix.size() - 1), "an object is wanted");
    return invalid("the request must be a JSON object");
  }
  RequestFields fields;
  fields.table_ = table;
  fields.prefix_ = prefix;
  size_t n_unknown = 0;
  for (const auto& [name, value] : object.items()) {
    const Field* field = find_field(table, name);
    if (field == nullptr) {
      if (++n_unknown <= kMaxWarnings)
        fields.warnings.push_back(
            fmt::format("unknown field {} has no effect", quote(fields.prefix_ + name)));
      continue;
    }
    if (value.is_null()) continue;
    if (field->use == FieldUse::kRefused) return bad_field(fields.prefix_ + name, field->note);
    if (field->use == FieldUse::kWarned)
      fields.warnings.push_back(
          fmt::format("field '{}{}' has no effect: {}", prefix, name, field->note));
    if (field->use == FieldUse::kUsed) TRY(fields.check(*field, value));
  }
  if (n_unknown > kMaxWarnings)
    fields.warnings.push_back(
        fmt::format("{} more unknown fields have no effect", n_unknown - kMaxWarnings));
  fields.object_ = std::move(object);
  return fields;
}

Status RequestFields::check(const Field& field, const Json& value) const {
  const std::string name = prefix_ + std::string(field.name);
  const auto most = static_cast<size_t>(field.most_count);
  switch (field.type) {
    case FieldType::kBool:
      return value.is_boolean() ? Status{} : wrong_type(name, field, value);
    case FieldType::kInteger:
      return check_integer(name, field, value);
    case FieldType::kReal:
      return check_real(name, field, value);
    case FieldType::kTexts:
      return check_texts(name, field, value);
    case FieldType::kText:
      if (!value.is_string()) return wrong_type(name, field, value);
      if (value.get_ref<const std::string&>().size() > most)
        return bad_field(name, fmt::format("at most {} bytes are taken", most));
      return {};
    case FieldType::kList:
      if (!value.is_array()) return wrong_type(name, field, value);
      if (value.size() > most)
        return bad_field(name, fmt::format("at most {} items are taken", most));
      return {};
    case FieldType::kObject:
      return value.is_object() ? Status{} : wrong_type(name, field, value);
    case FieldType::kAny:
      return {};
  }
  return {};
}

const Json* RequestFields::find(std::string_view name) const {
  CHECK(find_field(table_, name) != nullptr);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool RequestFields::has(std::string_view name) const { return find(name) != nullptr; }

bool RequestFields::flag(std::string_view name, bool otherwise) const {
  const Json* value = find(name);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : otherwise;
}

int64_t RequestFields::integer(std::string_view name, int64_t otherwise) const {
  const Json* value = find(name);
  int64_t whole = otherwise;
  if (value != nullptr && value->is_number() && read_whole(*value, whole)) return whole;
  return otherwise;
}

double RequestFields::real(std::string_view name, double otherwise) const {
  const Json* value = find(name);
  return value != nullptr && value->is_number() ? value->get<double>() : otherwise;
}

std::string RequestFields::text(std::string_view name, std::string_view otherwise) const {
  const Json* value = find(name);
  if (value == nullptr || !value->is_string()) return std::string(otherwise);
  return value->get<std::string>();
}

std::vector<std::string> RequestFields::texts(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  std::vector<std::string> all;
  for (const Json& item : *value) all.push_back(item.get<std::string>());
  return all;
}

const Json& RequestFields::json(std::string_view name) const {
  static const Json null;
  const Json* value = find(name);
  return value == nullptr ? null : *value;
}

Json RequestFields::take(std::string_view name) {
  if (find(name) == nullptr) return {};
  return std::move(object_.find(name).value());
}

Status RequestFields::read_sampler(sample::SamplerParams& params) const {
  for (const sample::SamplerField& field : sample::sampler_fields()) {
    if (find_field(table_, field.name) == nullptr) continue;
    const Json* value = find(field.name);
    if (value == nullptr) continue;
    int64_t whole = 0;
    sample::Number number = value->get<double>();
    if (std::holds_alternative<sample::IntRange>(field.range) && read_whole(*value, whole))
      number = whole;
    if (const Status set = sample::set_field(params, field, number); !set)
      return bad_field(prefix_ + std::string(field.name), set.error().message);
  }
  return {};
}

}  // namespace hearth::server

// SPDX-License-Identifier: MIT
// The fields of requests: one table per route says every field's name, type, bounds and what
// becomes of it; nothing reads a request's JSON but through its table (RELIABILITY F08).
// In: a table and an object from outside. Out: values in bounds; a warning for each field that
// nobody knows; an error that names the field for one that cannot be honoured.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/params.h"
#include "server/json_out.h"

namespace hearth::server {

enum class FieldType {
  kBool,
  kInteger,
  kReal,
  kText,
  kTexts,   // a text or a list of texts
  kList,    // of anything
  kObject,  // of anything
  kAny,     // its reader checks the rest
};

enum class FieldUse {
  kUsed,
  kNoEffect,  // may be there; nothing that it could change here
  kWarned,    // known, not done: a warning
  kRefused,   // known, cannot be honoured: an error
};

struct Field {
  std::string_view name;
  FieldType type = FieldType::kAny;
  double least = 0, most = 0;  // kReal: the value
  int64_t least_count = 0;     // kInteger: the value
  int64_t most_count = 0;      // kInteger: the value; kText: bytes; kTexts, kList: items
  FieldUse use = FieldUse::kUsed;
  std::string_view note;  // what it does, or why it is not done
};

constexpr int64_t kMaxText = 16 << 20;

// Rows of tables.
constexpr Field flag(std::string_view name, std::string_view note = {}) {
  return {.name = name, .type = FieldType::kBool, .note = note};
}
constexpr Field integer(std::string_view name, int64_t least, int64_t most,
                        std::string_view note = {}) {
  return {.name = name,
          .type = FieldType::kInteger,
          .least_count = least,
          .most_count = most,
          .note = note};
}
constexpr Field real(std::string_view name, double least, double most, std::string_view note = {}) {
  return {.name = name, .type = FieldType::kReal, .least = least, .most = most, .note = note};
}
constexpr Field text(std::string_view name, int64_t most_bytes = kMaxText,
                     std::string_view note = {}) {
  return {.name = name, .type = FieldType::kText, .most_count = most_bytes, .note = note};
}
constexpr Field texts(std::string_view name, int64_t most_items, std::string_view note = {}) {
  return {.name = name, .type = FieldType::kTexts, .most_count = most_items, .note = note};
}
constexpr Field list(std::string_view name, int64_t most_items, std::string_view note = {}) {
  return {.name = name, .type = FieldType::kList, .most_count = most_items, .note = note};
}
constexpr Field object(std::string_view name, std::string_view note = {}) {
  return {.name = name, .type = FieldType::kObject, .note = note};
}
constexpr Field any(std::string_view name, std::string_view note = {}) {
  return {.name = name, .note = note};
}
constexpr Field no_effect(std::string_view name, std::string_view why) {
  return {.name = name, .use = FieldUse::kNoEffect, .note = why};
}
constexpr Field warned(std::string_view name, std::string_view why) {
  return {.name = name, .use = FieldUse::kWarned, .note = why};
}
constexpr Field refused(std::string_view name, std::string_view why) {
  return {.name = name, .use = FieldUse::kRefused, .note = why};
}

using FieldTable = std::vector<Field>;

// A table of `rows`, then the sampler's fields (sample::sampler_fields) that it has not yet.
FieldTable with_sampler_fields(std::initializer_list<Field> rows);

// The name in the first words of an error's message ("field 'n': …"), or nothing.
std::string_view field_of(const Error& error);

// The error of one field.
Failure bad_field(std::string_view name, std::string_view why);

// An object whose members have passed its table. null counts as absent.
class RequestFields {
 public:
  RequestFields() = default;
  // `prefix`: of names in messages, "options." for a nested object. The table must outlive it.
  static Result<RequestFields> read(std::span<const Field> table, Json object,
                                    std::string_view prefix = {});

  bool has(std::string_view name) const;
  bool flag(std::string_view name, bool otherwise) const;
  int64_t integer(std::string_view name, int64_t otherwise) const;
  double real(std::string_view name, double otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  std::vector<std::string> texts(std::string_view name) const;
  const Json& json(std::string_view name) const;  // null where absent
  Json take(std::string_view name);               // moved out

  // Sets the sampler's fields that are there.
  Status read_sampler(sample::SamplerParams& params) const;

  std::vector<std::string> warnings;

 private:
  const Json* find(std::string_view name) const;
  Status check(const Field& field, const Json& value) const;

  std::span<const Field> table_;
  std::string prefix_;
  Json object_ = Json::object();
};

}  // namespace hearth::server

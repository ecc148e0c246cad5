// SPDX-License-Identifier: MIT
// One list of a struct's fields for both ways: describe(fields, value) names every field once, and
// a FieldWriter makes a JSON object of it, a FieldReader fills it from one. The reader is strict:
// see protocol.h. Numbers that JSON does not have (infinities, NaN) are the texts "inf", "-inf",
// "nan".
#pragma once
#include <cmath>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "base/result.h"

namespace hearth::engine {

using Json = nlohmann::ordered_json;

// Entries of a list and bytes of a text, where a field names no bound of its own: a frame bounds
// them too.
inline constexpr size_t kAnyCount = size_t{16} << 20;

// Specialized for enums: static constexpr std::string_view names[], in the order of the values,
// which count from 0.
template <class Enum>
struct EnumNames;

// For the parameter of a describe() that takes a value to write and one to read.
template <class T, class Of>
concept Some = std::same_as<std::remove_const_t<T>, Of>;

class FieldWriter {
 public:
  Json take() { return std::move(object_); }

  template <class T>
  void field(std::string_view name, const T& value, size_t = kAnyCount) {
    object_.emplace(std::string(name), to_json(value));
  }

 private:
  static Json to_json(bool value) { return value; }
  template <std::integral T>
  static Json to_json(T value) {
    return value;
  }
  static Json to_json(double value) {
    if (std::isfinite(value)) return value;
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  static Json to_json(const std::string& value) { return value; }
  static Json to_json(const Json& value) { return value; }
  template <class T>
    requires std::is_enum_v<T>
  static Json to_json(T value) {
    return std::string(EnumNames<T>::names[static_cast<size_t>(value)]);
  }
  template <class T>
  static Json to_json(const std::vector<T>& list) {
    Json array = Json::array();
    for (const T& entry : list) array.push_back(to_json(entry));
    return array;
  }
  template <class T>
    requires std::is_class_v<T>
  static Json to_json(const T& value) {
    FieldWriter fields;
    describe(fields, value);
    return fields.take();
  }

  Json object_ = Json::object();
};

class FieldReader {
 public:
  // Takes the members' values out of `object`, which must be one.
  explicit FieldReader(Json& object) : object_(object) {}

  template <class T>
  void field(std::string_view name, T& value, size_t max = kAnyCount) {
    if (!status_) return;
    const auto found = object_.find(std::string(name));
    if (found == object_.end()) {
      status_ = invalid("no '{}'", name);
      return;
    }
    ++n_read_;
    status_ = within(name, read(*found, value, max));
  }

  // The first error; a member that nobody asked for is one.
  Status finish() const {
    if (!status_ || n_read_ == object_.size()) return status_;
    return invalid("{} members, {} known ones", object_.size(), n_read_);
  }

 private:
  static Failure wrong(const char* wanted, const Json& value) {
    return invalid("must be {}, not {}", wanted, value.type_name());
  }
  static Status read(Json& json, bool& value, size_t) {
    if (!json.is_boolean()) return wrong("true or false", json);
    value = json.get<bool>();
    return {};
  }
  template <std::integral T>
  static Status read(Json& json, T& value, size_t) {
    if (!json.is_number_integer()) return wrong("an integer", json);
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<uint64_t>())
                                                : std::in_range<T>(json.get<int64_t>());
    if (!fits) return invalid("{} is out of range", json.dump());
    value = json.get<T>();
    return {};
  }
  static Status read(Json& json, double& value, size_t) {
    if (json.is_number()) {
      value = json.get<double>();
      return {};
    }
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (json == "inf") {
      value = kInfinity;
    } else if (json == "-inf") {
      value = -kInfinity;
    } else if (json == "nan") {
      value = std::numeric_limits<double>::quiet_NaN();
    } else {
      return wrong("a number", json);
    }
    return {};
  }
  static Status read(Json& json, std::string& value, size_t max) {
    if (!json.is_string()) return wrong("text", json);
    value = std::move(json.get_ref<std::string&>());
    if (value.size() > max) return over_limit("{} bytes, at most {}", value.size(), max);
    return {};
  }
  static Status read(Json& json, Json& value, size_t) {
    value = std::move(json);
    return {};
  }
  template <class T>
    requires std::is_enum_v<T>
  static Status read(Json& json, T& value, size_t) {
    if (!json.is_string()) return wrong("text", json);
    const auto& text = json.get_ref<const std::string&>();
    for (size_t i = 0; i < std::size(EnumNames<T>::names); ++i) {
      if (EnumNames<T>::names[i] != text) continue;
      value = static_cast<T>(i);
      return {};
    }
    return invalid("no such value: {}", quote(text));
  }
  template <class T>
  static Status read(Json& json, std::vector<T>& list, size_t max) {
    if (!json.is_array()) return wrong("an array", json);
    if (json.size() > max) return over_limit("{} entries, at most {}", json.size(), max);
    list.clear();
    list.reserve(json.size());
    for (Json& entry : json) TRY(read(entry, list.emplace_back(), kAnyCount));
    return {};
  }
  template <class T>
    requires std::is_class_v<T>
  static Status read(Json& json, T& value, size_t) {
    if (!json.is_object()) return wrong("an object", json);
    FieldReader fields(json);
    describe(fields, value);
    return fields.finish();
  }

  Json& object_;
  Status status_;
  size_t n_read_ = 0;
};

}  // namespace hearth::engine

// SPDX-License-Identifier: MIT
#include "file/metadata.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/byte_reader.h"
#include "base/checked.h"

namespace hearth::file {
namespace {

template <class T>
T read_as(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// One integer of a value's bytes, or nothing where the type is no integer or the value too large.
std::optional<int64_t> integer_at(MetaType type, const uint8_t* from) {
  switch (type) {
    case MetaType::kU8:
      return read_as<uint8_t>(from);
    case MetaType::kI8:
      return read_as<int8_t>(from);
    case MetaType::kU16:
      return read_as<uint16_t>(from);
    case MetaType::kI16:
      return read_as<int16_t>(from);
    case MetaType::kU32:
      return read_as<uint32_t>(from);
    case MetaType::kI32:
      return read_as<int32_t>(from);
    case MetaType::kI64:
      return read_as<int64_t>(from);
    case MetaType::kU64: {
      const auto value = read_as<uint64_t>(from);
      if (!fits<int64_t>(value)) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> number_at(MetaType type, const uint8_t* from) {
  if (type == MetaType::kF32) return read_as<float>(from);
  if (type == MetaType::kF64) return read_as<double>(from);
  if (type == MetaType::kU64) return static_cast<double>(read_as<uint64_t>(from));
  if (const auto value = integer_at(type, from)) return static_cast<double>(*value);
  return std::nullopt;
}

// The entry when it is an array of fixed-size elements that are all there.
const MetaValue* fixed_array(const MetaValue* value) {
  if (!value || value->type != MetaType::kArray || value->count > kMaxArrayLookup) return nullptr;
  const size_t size = meta_type_bytes(value->element_type);
  if (size == 0 || value->bytes.size() / size < value->count) return nullptr;
  return value;
}

const MetaValue* scalar(const MetaValue* value) {
  if (!value) return nullptr;
  const size_t size = meta_type_bytes(value->type);
  return size != 0 && value->bytes.size() >= size ? value : nullptr;
}

MetaValue owning(MetaType type, MetaType element_type, uint64_t count, std::vector<uint8_t> bytes) {
  MetaValue value{.type = type, .element_type = element_type, .count = count};
  value.owned = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  value.bytes = *value.owned;
  return value;
}

template <class T>
std::vector<uint8_t> bytes_of(std::span<const T> values) {
  std::vector<uint8_t> bytes(values.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
MetaValue owning_scalar(MetaType type, T value) {
  return owning(type, type, 1, bytes_of(std::span<const T>(&value, 1)));
}

}  // namespace

size_t meta_type_bytes(MetaType type) {
  switch (type) {
    case MetaType::kU8:
    case MetaType::kI8:
    case MetaType::kBool:
      return 1;
    case MetaType::kU16:
    case MetaType::kI16:
      return 2;
    case MetaType::kU32:
    case MetaType::kI32:
    case MetaType::kF32:
      return 4;
    case MetaType::kU64:
    case MetaType::kI64:
    case MetaType::kF64:
      return 8;
    case MetaType::kString:
    case MetaType::kArray:
      return 0;
  }
  return 0;
}

std::string_view meta_type_name(MetaType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  const auto i = static_cast<size_t>(type);
  return i < std::size(kNames) ? kNames[i] : "unknown";
}

const MetaValue* Metadata::find(std::string_view key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

std::optional<int64_t> Metadata::integer(std::string_view key) const {
  const MetaValue* const value = scalar(find(key));
  return value ? integer_at(value->type, value->bytes.data()) : std::nullopt;
}

std::optional<double> Metadata::number(std::string_view key) const {
  const MetaValue* const value = scalar(find(key));
  return value ? number_at(value->type, value->bytes.data()) : std::nullopt;
}

std::optional<bool> Metadata::boolean(std::string_view key) const {
  const MetaValue* const value = scalar(find(key));
  if (!value || value->type != MetaType::kBool) return std::nullopt;
  return value->bytes[0] != 0;
}

std::optional<std::string_view> Metadata::text(std::string_view key) const {
  const MetaValue* const value = find(key);
  if (!value || value->type != MetaType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
}

std::optional<std::vector<int64_t>> Metadata::integers(std::string_view key) const {
  const MetaValue* const value = fixed_array(find(key));
  if (!value) return std::nullopt;
  const size_t size = meta_type_bytes(value->element_type);
  const MetaType type =
      value->element_type == MetaType::kBool ? MetaType::kU8 : value->element_type;
  std::vector<int64_t> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto element = integer_at(type, value->bytes.data() + i * size);
    if (!element) return std::nullopt;
    out.push_back(*element);
  }
  return out;
}

std::optional<std::vector<float>> Metadata::numbers(std::string_view key) const {
  const MetaValue* const value = fixed_array(find(key));
  if (!value) return std::nullopt;
  const size_t size = meta_type_bytes(value->element_type);
  std::vector<float> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto element = number_at(value->element_type, value->bytes.data() + i * size);
    if (!element) return std::nullopt;
    out.push_back(static_cast<float>(*element));
  }
  return out;
}

std::optional<std::vector<std::string_view>> Metadata::texts(std::string_view key) const {
  const MetaValue* const value = find(key);
  if (!value || value->type != MetaType::kArray || value->element_type != MetaType::kString) {
    return std::nullopt;
  }
  if (value->count > kMaxArrayLookup) return std::nullopt;
  std::vector<std::string_view> out;
  // Every string takes at least its length field.
  out.reserve(std::min<uint64_t>(value->count, value->bytes.size() / sizeof(uint64_t)));
  ByteReader in(value->bytes);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto length = in.number<uint64_t>();
    if (!length) return std::nullopt;
    const auto text = in.text(*length);
    if (!text) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

void Metadata::set(std::string key, MetaValue value) {
  values_.insert_or_assign(std::move(key), std::move(value));
}

void Metadata::set_u16(std::string key, uint16_t value) {
  set(std::move(key), owning_scalar(MetaType::kU16, value));
}
void Metadata::set_u32(std::string key, uint32_t value) {
  set(std::move(key), owning_scalar(MetaType::kU32, value));
}
void Metadata::set_i32(std::string key, int32_t value) {
  set(std::move(key), owning_scalar(MetaType::kI32, value));
}
void Metadata::set_u64(std::string key, uint64_t value) {
  set(std::move(key), owning_scalar(MetaType::kU64, value));
}
void Metadata::set_f32(std::string key, float value) {
  set(std::move(key), owning_scalar(MetaType::kF32, value));
}
void Metadata::set_bool(std::string key, bool value) {
  set(std::move(key), owning_scalar(MetaType::kBool, static_cast<uint8_t>(value)));
}

void Metadata::set_text(std::string key, std::string_view value) {
  set(std::move(key), owning(MetaType::kString, MetaType::kString, 1,
                             bytes_of(std::span<const char>(value.data(), value.size()))));
}

void Metadata::set_i32s(std::string key, std::span<const int32_t> values) {
  set(std::move(key), owning(MetaType::kArray, MetaType::kI32, values.size(), bytes_of(values)));
}

void Metadata::set_f32s(std::string key, std::span<const float> values) {
  set(std::move(key), owning(MetaType::kArray, MetaType::kF32, values.size(), bytes_of(values)));
}

void Metadata::set_bools(std::string key, const std::vector<bool>& values) {
  std::vector<uint8_t> bytes;
  bytes.reserve(values.size());
  for (const bool value : values) bytes.push_back(value ? 1 : 0);
  set(std::move(key), owning(MetaType::kArray, MetaType::kBool, values.size(), std::move(bytes)));
}

void Metadata::set_texts(std::string key, std::span<const std::string> values) {
  std::vector<uint8_t> bytes;
  for (const std::string& value : values) {
    const uint64_t length = value.size();
    const auto* const prefix = reinterpret_cast<const uint8_t*>(&length);
    bytes.insert(bytes.end(), prefix, prefix + sizeof(length));
    bytes.insert(bytes.end(), value.begin(), value.end());
  }
  set(std::move(key), owning(MetaType::kArray, MetaType::kString, values.size(), std::move(bytes)));
}

}  // namespace hearth::file

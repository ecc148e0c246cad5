// SPDX-License-Identifier: MIT
// The key-value part of a model file: typed look-ups that never guess. A key of another type than
// the one asked for answers like a missing key; callers that must tell the two apart ask has().
// Entries read from a file borrow its mapped bytes; entries made by set_* own theirs.
// Thread rule: const after it is filled. Source: the GGUF specification (metadata value types).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::file {

enum class MetaType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// Bytes of one value of a fixed-size type; 0 for strings and arrays.
size_t meta_type_bytes(MetaType type);
// "u32", "string", …; "unknown" for a number that is no type.
std::string_view meta_type_name(MetaType type);

// One value. Scalars: count is 1 and bytes hold it (a string: its characters alone). Arrays:
// element_type, count, and the elements' bytes as in the file (strings: u64 length, then bytes,
// each).
struct MetaValue {
  MetaType type = MetaType::kU8;
  MetaType element_type = MetaType::kU8;
  uint64_t count = 1;
  std::span<const uint8_t> bytes;
  std::shared_ptr<const std::vector<uint8_t>> owned;  // empty where bytes borrow a mapped file
};

// Arrays longer than this answer like a missing key, so that a hostile file cannot make a look-up
// take much more memory than the file has bytes. The largest known vocabulary has 2^18 entries.
inline constexpr uint64_t kMaxArrayLookup = uint64_t{1} << 21;

class Metadata {
 public:
  bool has(std::string_view key) const { return values_.find(key) != values_.end(); }

  const MetaValue* find(std::string_view key) const;  // null where there is none

  std::optional<int64_t> integer(std::string_view key) const;  // any integer type whose value fits
  std::optional<double> number(std::string_view key) const;    // any integer or float type
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<std::vector<int64_t>> integers(std::string_view key) const;  // also arrays of bool
  std::optional<std::vector<float>> numbers(std::string_view key) const;
  std::optional<std::vector<std::string_view>> texts(std::string_view key) const;

  // All entries, sorted by key.
  const std::map<std::string, MetaValue, std::less<>>& entries() const { return values_; }

  // The reader's and the generators' side. A key that is set twice keeps the last value.
  void set(std::string key, MetaValue value);
  void set_u16(std::string key, uint16_t value);
  void set_u32(std::string key, uint32_t value);
  void set_i32(std::string key, int32_t value);
  void set_u64(std::string key, uint64_t value);
  void set_f32(std::string key, float value);
  void set_bool(std::string key, bool value);
  void set_text(std::string key, std::string_view value);
  void set_i32s(std::string key, std::span<const int32_t> values);
  void set_f32s(std::string key, std::span<const float> values);
  void set_bools(std::string key, const std::vector<bool>& values);
  void set_texts(std::string key, std::span<const std::string> values);

 private:
  std::map<std::string, MetaValue, std::less<>> values_;
};

}  // namespace hearth::file

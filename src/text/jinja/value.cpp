// SPDX-License-Identifier: MIT
#include "text/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "text/jinja/object.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

// Below this many entries a dict is searched from the front.
constexpr size_t kIndexFrom = 12;

bool range_equal(const Range& a, const Range& b) {
  if (a.size() != b.size()) return false;
  if (a.size() == 0) return true;
  return a.start == b.start && (a.size() == 1 || a.step == b.step);
}

Status spend(Effort& effort, int depth) {
  if (depth > kMaxValueDepth) return over_limit("values are nested too deeply to compare");
  if (effort.left == 0) return over_limit("values are too large to compare");
  --effort.left;
  return {};
}

Result<bool> sequence_equal(const Value& a, const Value& b, Effort& effort, int depth) {
  if (a.items().size() != b.items().size()) return false;
  for (size_t i = 0; i < a.items().size(); ++i) {
    TRY_LET(const bool same, equal(a.items()[i], b.items()[i], effort, depth + 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> dict_equal(const Dict& a, const Dict& b, Effort& effort, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(key);
    if (!other) return false;
    TRY_LET(const bool same, equal(value, *other, effort, depth + 1));
    if (!same) return false;
  }
  return true;
}

bool number_equal(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.as_int() == b.as_int();
  // 64 mantissa bits, so that every int64 compares exactly with a double
  const auto wide = [](const Value& v) -> long double {
    return v.is_integral() ? static_cast<long double>(v.as_int()) : v.as_double();
  };
  return wide(a) == wide(b);
}

bool key_equal(const Value& a, const Value& b) {
  Effort effort;  // more than any key needs (check_key), so this does not fail
  const auto same = equal(a, b, effort);
  return same && *same;
}

size_t mix(size_t seed, size_t hash) {
  return seed ^ (hash + 0x9E3779B97F4A7C15ull + (seed << 6) + (seed >> 2));
}

size_t hash_key(const Value& key) {
  switch (key.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return static_cast<size_t>(key.kind());
    case Kind::kBool:
    case Kind::kInt:
      return std::hash<int64_t>()(key.as_int());
    case Kind::kFloat: {
      const double value = key.as_double();
      if (std::abs(value) < 9e18 && value == std::floor(value))
        return std::hash<int64_t>()(static_cast<int64_t>(value));
      return std::hash<double>()(value);
    }
    case Kind::kStr:
      return std::hash<std::string>()(key.text());
    case Kind::kTuple: {
      size_t hash = key.items().size();
      for (const Value& item : key.items()) hash = mix(hash, hash_key(item));
      return hash;
    }
    case Kind::kList:
    case Kind::kDict:
      return 0;
    case Kind::kObject:
      return std::hash<const void*>()(&key.object());
  }
  return 0;
}

Status check_key_part(const Value& key, int depth, int& n_parts) {
  if (depth > kMaxValueDepth || ++n_parts > kMaxKeyParts)
    return over_limit("a dict key has too many parts");
  if (key.is(Kind::kList) || key.is_dict()) return invalid("unhashable type: '{}'", type_name(key));
  if (key.is(Kind::kTuple))
    for (const Value& item : key.items()) TRY(check_key_part(item, depth + 1, n_parts));
  return {};
}

std::string_view sign_of(Order order) {
  constexpr std::string_view kSigns[] = {"<", "<=", ">", ">="};
  return kSigns[static_cast<int>(order)];
}

template <class T>
bool apply(Order order, const T& a, const T& b) {
  switch (order) {
    case Order::kLess:
      return a < b;
    case Order::kLessEqual:
      return a <= b;
    case Order::kGreater:
      return a > b;
    case Order::kGreaterEqual:
      return a >= b;
  }
  return false;
}

}  // namespace

bool Value::same_as(const Value& other) const {
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case Kind::kNone:
      return true;
    case Kind::kBool:
    case Kind::kInt:
      return int_ == other.int_;
    case Kind::kFloat:
      return float_ == other.float_;
    case Kind::kStr:
      return str_ == other.str_ || str_->text == other.str_->text;
    case Kind::kList:
    case Kind::kTuple:
      return list_ == other.list_;
    case Kind::kDict:
      return dict_ == other.dict_;
    case Kind::kUndefined:
      return undefined_ == other.undefined_;
    case Kind::kObject:
      return object_ == other.object_;
  }
  return false;
}

size_t Dict::position(const Value& key, size_t hash) const {
  if (entries.size() < kIndexFrom || index_.empty()) {
    for (size_t i = 0; i < entries.size(); ++i)
      if (key_equal(entries[i].first, key)) return i;
    return entries.size();
  }
  const auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it)
    if (key_equal(entries[it->second].first, key)) return it->second;
  return entries.size();
}

const Value* Dict::find(const Value& key) const {
  const size_t at = position(key, index_.empty() ? 0 : hash_key(key));
  return at < entries.size() ? &entries[at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const Str text{std::string(key), true, false};
  return find(Value(&text));
}

void Dict::set(const Value& key, const Value& value) {
  const size_t hash = hash_key(key);
  const size_t at = position(key, hash);
  if (at < entries.size()) {
    entries[at].second = value;
    return;
  }
  entries.emplace_back(key, value);
  if (entries.size() == kIndexFrom) {
    for (size_t i = 0; i < entries.size(); ++i)
      index_.emplace(hash_key(entries[i].first), static_cast<uint32_t>(i));
  } else if (entries.size() > kIndexFrom) {
    index_.emplace(hash, static_cast<uint32_t>(entries.size() - 1));
  }
}

Status check_key(const Value& key) {
  int n_parts = 0;
  return check_key_part(key, 0, n_parts);
}

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kStr:
      return value.str().markup ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      break;
  }
  constexpr std::string_view kNames[] = {"Namespace", "Macro", "function",  "builtin_function",
                                         "Loop",      "range", "dict_view", "generator",
                                         "Cycler",    "Joiner"};
  return kNames[static_cast<int>(value.object().kind)];
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.as_int() != 0;
    case Kind::kFloat:
      return value.as_double() != 0;
    case Kind::kStr:
      return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple:
      return !value.items().empty();
    case Kind::kDict:
      return !value.dict().entries.empty();
    case Kind::kObject:
      break;
  }
  if (const Range* range = as_range(value)) return range->size() > 0;
  if (const View* view = as_view(value)) return !view->dict.entries.empty();
  return true;
}

Result<bool> equal(const Value& a, const Value& b, Effort& effort, int depth) {
  TRY(spend(effort, depth));
  if (a.is_number() && b.is_number()) return number_equal(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kStr:
      return a.text() == b.text();
    case Kind::kList:
    case Kind::kTuple:
      return sequence_equal(a, b, effort, depth);
    case Kind::kDict:
      return dict_equal(a.dict(), b.dict(), effort, depth);
    case Kind::kObject:
      if (as_range(a) && as_range(b)) return range_equal(*as_range(a), *as_range(b));
      return &a.object() == &b.object();
    default:
      return false;
  }
}

Result<bool> ordered(Order order, const Value& a, const Value& b, Effort& effort, int depth) {
  TRY(spend(effort, depth));
  if (a.is_undefined()) return invalid("{}", a.undefined().reason);
  if (b.is_undefined()) return invalid("{}", b.undefined().reason);
  if (a.is_integral() && b.is_integral()) return apply(order, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number())
    return apply<long double>(order, a.is_integral() ? a.as_int() : a.as_double(),
                              b.is_integral() ? b.as_int() : b.as_double());
  if (a.is_str() && b.is_str()) return apply(order, a.text(), b.text());
  if (!a.is_sequence() || a.kind() != b.kind())
    return invalid("'{}' not supported between '{}' and '{}'", sign_of(order), type_name(a),
                   type_name(b));
  const size_t n_common = std::min(a.items().size(), b.items().size());
  for (size_t i = 0; i < n_common; ++i) {
    TRY_LET(const bool same, equal(a.items()[i], b.items()[i], effort, depth + 1));
    if (!same) return ordered(order, a.items()[i], b.items()[i], effort, depth + 1);
  }
  return apply(order, a.items().size(), b.items().size());
}

Heap::Heap(size_t max_bytes) : max_bytes_(max_bytes) {
  for (char c = 0; c >= 0; ++c) {
    strings_.push_back({std::string(1, c), true, false});
    characters_.push_back(&strings_.back());
    if (c == 0x7F) break;
  }
}

Heap::~Heap() = default;

Value Heap::str(std::string text, bool markup) {
  charge(sizeof(Str) + text.capacity());
  const bool ascii = is_ascii(text);
  strings_.push_back({std::move(text), ascii, markup});
  return Value(&strings_.back());
}

Value Heap::character(std::string_view text) {
  if (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80)
    return Value(characters_[static_cast<unsigned char>(text[0])]);
  return str(text);
}

Value Heap::sequence(std::vector<Value> items, Kind kind, bool is_group) {
  charge(sizeof(List) + items.capacity() * sizeof(Value));
  lists_.push_back({std::move(items), is_group});
  return Value(&lists_.back(), kind);
}

Value Heap::dict(Dict dict) {
  constexpr size_t kEntryBytes = 2 * sizeof(Value) + 48;  // with its place in the index
  charge(sizeof(Dict) + dict.entries.size() * kEntryBytes);
  dicts_.push_back(std::move(dict));
  return Value(&dicts_.back());
}

Value Heap::undefined(std::string reason) {
  charge(sizeof(Undefined) + reason.capacity());
  undefineds_.push_back({std::move(reason)});
  return Value(&undefineds_.back());
}

Result<Value> from_json(Heap& heap, const nlohmann::ordered_json& json, int depth) {
  using Type = nlohmann::ordered_json::value_t;
  if (depth >= kMaxValueDepth) return over_limit("nested more than {} deep", kMaxValueDepth);
  switch (json.type()) {
    case Type::boolean:
      return Value::boolean(json.get<bool>());
    case Type::number_integer:
      return Value::integer(json.get<int64_t>());
    case Type::number_unsigned: {
      const auto value = json.get<uint64_t>();
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return unsupported("the integer {} does not fit in 64 bits with a sign", value);
      return Value::integer(static_cast<int64_t>(value));
    }
    case Type::number_float:
      return Value::real(json.get<double>());
    case Type::string:
      return heap.str(json.get_ref<const std::string&>());
    case Type::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) {
        TRY_LET(const Value value, from_json(heap, item, depth + 1));
        items.push_back(value);
      }
      return heap.list(std::move(items));
    }
    case Type::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) {
        TRY_LET(const Value value, from_json(heap, item, depth + 1));
        dict.set(heap.str(key), value);
      }
      return heap.dict(std::move(dict));
    }
    default:
      return Value();
  }
}

}  // namespace hearth::text::jinja

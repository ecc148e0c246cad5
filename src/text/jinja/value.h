// SPDX-License-Identifier: MIT
// Values of the template language, with Python's meaning, and the heap that owns them for one
// rendering. A Value is a small handle; text, lists and dicts are immutable once made, as in the
// sandbox that Hugging Face uses. The heap frees everything at once, so chains of any depth and
// cycles through namespaces are harmless, and it counts bytes so that a rendering is bounded.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hearth::text::jinja {

struct Str;
struct List;
struct Dict;
struct Undefined;
class Object;

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kStr,
  kList,
  kTuple,
  kDict,
  kObject,  // callables, namespaces, ranges, views, iterators: object.h
};

class Value {
 public:
  Value() : kind_(Kind::kNone), int_(0) {}
  static Value boolean(bool value) { return Value(Kind::kBool, value ? 1 : 0); }
  static Value integer(int64_t value) { return Value(Kind::kInt, value); }
  static Value real(double value) {
    Value made(Kind::kFloat, 0);
    made.float_ = value;
    return made;
  }
  explicit Value(const Str* text) : kind_(Kind::kStr), str_(text) {}
  Value(const List* items, Kind list_or_tuple) : kind_(list_or_tuple), list_(items) {}
  explicit Value(const Dict* dict) : kind_(Kind::kDict), dict_(dict) {}
  explicit Value(const Undefined* undefined) : kind_(Kind::kUndefined), undefined_(undefined) {}
  explicit Value(Object* object) : kind_(Kind::kObject), object_(object) {}

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_str() const { return kind_ == Kind::kStr; }
  bool is_dict() const { return kind_ == Kind::kDict; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }

  // Each needs its kind; as_int also takes booleans, as_double every number.
  bool as_bool() const { return int_ != 0; }
  int64_t as_int() const { return int_; }
  double as_double() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(int_); }
  const Str& str() const { return *str_; }
  const std::string& text() const;
  const List& list() const { return *list_; }
  const std::vector<Value>& items() const;
  const Dict& dict() const { return *dict_; }
  const Undefined& undefined() const { return *undefined_; }
  Object& object() const { return *object_; }

  // Python's `is`.
  bool same_as(const Value& other) const;

 private:
  Value(Kind kind, int64_t value) : kind_(kind), int_(value) {}
  Kind kind_;
  union {
    int64_t int_;
    double float_;
    const Str* str_;
    const List* list_;
    const Dict* dict_;
    const Undefined* undefined_;
    Object* object_;
  };
};

struct Str {
  std::string text;     // UTF-8
  bool ascii = true;    // every character is one byte
  bool markup = false;  // marked safe: joining it with plain text escapes the plain text
};

struct List {
  std::vector<Value> items;
  bool is_group = false;  // a tuple made by groupby: .grouper and .list name its parts
};

// Insertion-ordered; keys are what Python can hash (checked by Dict::check_key before set).
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(const Value& key, const Value& value);

 private:
  size_t position(const Value& key, size_t hash) const;  // entries.size() when absent
  std::unordered_multimap<size_t, uint32_t> index_;      // used from kIndexFrom entries on
};

// What a missing name or attribute gives: printable as "", false, empty; else an error that says
// why.
struct Undefined {
  std::string reason;
};

// A dict key: an error where Python says "unhashable type", or with more than kMaxKeyParts parts.
constexpr int kMaxKeyParts = 1000;
Status check_key(const Value& key);

// "str", "int", "NoneType", … as Python names the type.
std::string_view type_name(const Value& value);

bool truthy(const Value& value);
// Depth of nesting that comparing, printing or hashing follows before it gives an error.
constexpr int kMaxValueDepth = 100;
// Comparing takes from this budget, one for each value looked at: shared parts can make a small
// value exponentially large to walk.
struct Effort {
  uint64_t left = 100'000;
};
Result<bool> equal(const Value& a, const Value& b, Effort& effort, int depth = 0);
enum class Order { kLess, kLessEqual, kGreater, kGreaterEqual };
// Python's ordering: numbers, text, and lists or tuples of such; else an error.
Result<bool> ordered(Order order, const Value& a, const Value& b, Effort& effort, int depth = 0);

// Owns every value of one rendering.
class Heap {
 public:
  explicit Heap(size_t max_bytes);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Value str(std::string text, bool markup = false);
  Value str(std::string_view text) { return str(std::string(text)); }
  Value str(const char* text) { return str(std::string(text)); }
  Value character(std::string_view text);  // one character; the ASCII ones are shared
  Value list(std::vector<Value> items) { return sequence(std::move(items), Kind::kList, false); }
  Value tuple(std::vector<Value> items) { return sequence(std::move(items), Kind::kTuple, false); }
  Value group(std::vector<Value> items) { return sequence(std::move(items), Kind::kTuple, true); }
  Value dict(Dict dict);
  Value undefined(std::string reason);
  template <class T, class... Args>
  T* object(Args&&... args) {
    charge(sizeof(T) + kOverhead);
    auto made = std::make_unique<T>(std::forward<Args>(args)...);
    T* raw = made.get();
    objects_.push_back(std::move(made));
    return raw;
  }

  void charge(size_t bytes) { used_bytes_ += bytes; }
  size_t used_bytes() const { return used_bytes_; }
  bool exceeded() const { return used_bytes_ > max_bytes_; }
  // True when `bytes` more would not fit: asked before anything large is made.
  bool too_much(size_t bytes) const {
    return bytes > max_bytes_ || used_bytes_ > max_bytes_ - bytes;
  }

 private:
  Value sequence(std::vector<Value> items, Kind kind, bool is_group);
  static constexpr size_t kOverhead = 32;  // bookkeeping of one allocation, roughly
  size_t max_bytes_;
  size_t used_bytes_ = 0;
  std::deque<Str> strings_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Undefined> undefineds_;
  std::vector<std::unique_ptr<Object>> objects_;
  std::vector<const Str*> characters_;
};

// The value of a JSON document. Errors: nested deeper than kMaxValueDepth, an integer past 64 bits.
Result<Value> from_json(Heap& heap, const nlohmann::ordered_json& json, int depth = 0);

inline const std::string& Value::text() const { return str_->text; }
inline const std::vector<Value>& Value::items() const { return list_->items; }

}  // namespace hearth::text::jinja

// SPDX-License-Identifier: MIT
// The values that are neither text, number nor container: callables, namespaces, ranges, dict
// views, one-shot iterators and the loop variable. All are owned by the heap of a rendering.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;
struct Builtin;
struct MacroStatement;
struct Scope;

enum class ObjectKind {
  kNamespace,
  kMacro,
  kFunction,
  kMethod,
  kLoop,
  kRange,
  kView,
  kIterator,
  kCycler,
  kJoiner,
};

class Object {
 public:
  explicit Object(ObjectKind its_kind) : kind(its_kind) {}
  virtual ~Object() = default;
  const ObjectKind kind;
};

struct Namespace final : Object {
  Namespace() : Object(ObjectKind::kNamespace) {}
  Dict attributes;
};

// A macro, or the body of a call block, with the scope in which it was defined.
struct Macro final : Object {
  Macro(const MacroStatement& its_definition, Scope* its_closure)
      : Object(ObjectKind::kMacro), definition(its_definition), closure(its_closure) {}
  const MacroStatement& definition;
  Scope* closure;
};

struct Function final : Object {
  explicit Function(const Builtin& its_builtin)
      : Object(ObjectKind::kFunction), builtin(its_builtin) {}
  const Builtin& builtin;
};

struct Method final : Object {
  Method(const Value& its_self, const Builtin& its_builtin)
      : Object(ObjectKind::kMethod), self(its_self), builtin(its_builtin) {}
  Value self;
  const Builtin& builtin;
};

struct Range final : Object {
  Range(int64_t its_start, int64_t its_stop, int64_t its_step)
      : Object(ObjectKind::kRange), start(its_start), stop(its_stop), step(its_step) {}
  int64_t start, stop, step;
  int64_t size() const {
    if (step > 0) return start < stop ? (stop - 1 - start) / step + 1 : 0;
    return start > stop ? (start - 1 - stop) / -step + 1 : 0;
  }
  int64_t at(int64_t i) const { return start + i * step; }
};

struct View final : Object {
  enum class Part { kKeys, kValues, kItems };
  View(const Dict& its_dict, Part its_part)
      : Object(ObjectKind::kView), dict(its_dict), part(its_part) {}
  const Dict& dict;
  Part part;
};

// What the lazy filters give: it can be walked once.
struct Iterator final : Object {
  using Next = std::function<Result<bool>(Interpreter&, Value&)>;  // false: at the end
  explicit Iterator(Next its_next) : Object(ObjectKind::kIterator), next(std::move(its_next)) {}
  Next next;
};

struct Cycler final : Object {
  explicit Cycler(std::vector<Value> its_items)
      : Object(ObjectKind::kCycler), items(std::move(its_items)) {}
  std::vector<Value> items;
  size_t position = 0;
};

struct Joiner final : Object {
  explicit Joiner(const Value& its_separator)
      : Object(ObjectKind::kJoiner), separator(its_separator) {}
  Value separator;
  bool used = false;
};

// Walks any iterable once, in Python's order.
class Cursor {
 public:
  // An error where Python says "object is not iterable".
  static Result<Cursor> over(const Value& iterable);
  Result<bool> next(Interpreter& in, Value& item);
  // Items in all, where that is known without walking.
  std::optional<size_t> size() const;

 private:
  explicit Cursor(const Value& iterable) : iterable_(iterable) {}
  Value iterable_;
  size_t at_ = 0;  // an index; for text a byte offset
};

// The loop variable: it pulls items one ahead when asked about what comes.
struct Loop final : Object {
  explicit Loop(Cursor its_source) : Object(ObjectKind::kLoop), source(std::move(its_source)) {}
  Cursor source;
  std::function<Result<bool>(Interpreter&, const Value&)> keep;  // empty: every item
  std::function<Result<Value>(Interpreter&, const Value&, int depth0)> recurse;
  std::vector<Value> ahead;  // pulled but not yet given, in order, from i_ahead on
  size_t i_ahead = 0;
  int64_t index0 = -1;
  int depth0 = 0;
  std::optional<int64_t> length;
  std::optional<Value> before, current, last_changed;

  Result<bool> pull(Interpreter& in, Value& item);  // from the source, past what `keep` refuses
  Result<bool> advance(Interpreter& in);            // to the next item; false at the end
  Result<const Value*> peek(Interpreter& in);       // nullptr at the end
  Result<int64_t> count(Interpreter& in);
};

template <class T>
T* object_as(const Value& value, ObjectKind kind) {
  return value.is_object() && value.object().kind == kind ? static_cast<T*>(&value.object())
                                                          : nullptr;
}
inline Range* as_range(const Value& value) { return object_as<Range>(value, ObjectKind::kRange); }
inline View* as_view(const Value& value) { return object_as<View>(value, ObjectKind::kView); }
inline Namespace* as_namespace(const Value& value) {
  return object_as<Namespace>(value, ObjectKind::kNamespace);
}

}  // namespace hearth::text::jinja

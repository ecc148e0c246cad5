// SPDX-License-Identifier: MIT
// Attributes, items and slices. An attribute is looked up among the methods of the type first, then
// among the keys; an item the other way round. A missing one is undefined, not an error.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

// Start, stop and step of a slice made definite for a sequence, as Python's slice.indices does.
struct SliceRange {
  int64_t start, stop, step;
  size_t size() const { return static_cast<size_t>(Range(start, stop, step).size()); }
};

int64_t clamped(int64_t value, int64_t low, int64_t high, int64_t size) {
  if (value < 0) value = value < -size ? low : value + size;
  return std::clamp(value, low, high);
}

Result<SliceRange> resolve(int64_t size, std::optional<int64_t> start, std::optional<int64_t> stop,
                           std::optional<int64_t> stride) {
  const int64_t step = stride.value_or(1);
  if (step == 0) return invalid("the step of a slice can't be zero");
  const int64_t low = step < 0 ? -1 : 0;
  const int64_t high = step < 0 ? size - 1 : size;
  SliceRange range{};
  range.start = start ? clamped(*start, low, high, size) : (step < 0 ? high : low);
  range.stop = stop ? clamped(*stop, low, high, size) : (step < 0 ? low : high);
  // a longer step reaches no other item, and this one can be multiplied safely
  range.step = std::clamp<int64_t>(step, -size - 1, size + 1);
  return range;
}

Value slice_text(Heap& heap, const Value& target, const SliceRange& range) {
  const std::string& text = target.text();
  std::string out;
  if (target.str().ascii) {
    if (range.step == 1) {
      if (range.size() > 0) out = text.substr(range.start, range.size());
    } else {
      for (size_t i = 0; i < range.size(); ++i) out += text[range.start + i * range.step];
    }
    return heap.str(std::move(out), target.str().markup);
  }
  if (range.step == 1) {
    const size_t begin = byte_offset(text, range.start);
    const std::string_view rest = std::string_view(text).substr(begin);
    out = rest.substr(0, byte_offset(rest, range.size()));
    return heap.str(std::move(out), target.str().markup);
  }
  std::vector<char32_t> characters;
  for (size_t at = 0; at < text.size();) characters.push_back(decode_char(text, at));
  for (size_t i = 0; i < range.size(); ++i)
    append_char(out, characters[range.start + static_cast<int64_t>(i) * range.step]);
  return heap.str(std::move(out), target.str().markup);
}

bool is_dunder(std::string_view name) {
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

std::optional<Value> number_attribute(const Value& target, std::string_view name) {
  if (!target.is_number()) return std::nullopt;
  const bool integral = target.is_integral();
  if (name == "real") return integral ? Value::integer(target.as_int()) : target;
  if (name == "imag") return integral ? Value::integer(0) : Value::real(0);
  if (!integral) return std::nullopt;
  if (name == "numerator") return Value::integer(target.as_int());
  if (name == "denominator") return Value::integer(1);
  return std::nullopt;
}

}  // namespace

Value Interpreter::no_attribute(const Value& target, std::string_view name) {
  return heap_.undefined(fmt::format("'{}' has no attribute '{}'", type_name(target), name));
}

Result<Value> Interpreter::attribute(const Value& target, std::string_view name) {
  if (target.is_undefined() && !is_dunder(name)) return invalid("{}", target.undefined().reason);
  if (as_namespace(target)) return object_attribute(target, name);
  if (const Builtin* method = find_method(target, name))
    return Value(heap_.object<Method>(target, *method));
  if (is_dunder(name) || is_forbidden_method(target, name))
    return heap_.undefined(
        fmt::format("access to '{}' of '{}' is not allowed", name, type_name(target)));
  if (target.is_dict()) {
    if (const Value* found = target.dict().find(name)) return *found;
    return no_attribute(target, name);
  }
  if (target.is(Kind::kTuple) && target.list().is_group) {
    if (name == "grouper") return target.items()[0];
    if (name == "list") return target.items()[1];
  }
  if (const auto found = number_attribute(target, name)) return *found;
  if (target.is_object()) return object_attribute(target, name);
  return no_attribute(target, name);
}

Result<Value> Interpreter::object_attribute(const Value& target, std::string_view name) {
  Object& object = target.object();
  switch (object.kind) {
    case ObjectKind::kNamespace:
      if (const Value* found = static_cast<Namespace&>(object).attributes.find(name)) return *found;
      break;
    case ObjectKind::kLoop:
      return loop_attribute(static_cast<Loop&>(object), name);
    case ObjectKind::kRange: {
      const auto& range = static_cast<Range&>(object);
      if (name == "start") return Value::integer(range.start);
      if (name == "stop") return Value::integer(range.stop);
      if (name == "step") return Value::integer(range.step);
      break;
    }
    case ObjectKind::kMacro: {
      const MacroStatement& macro = static_cast<Macro&>(object).definition;
      if (name == "name") return heap_.str(macro.spelling);
      if (name == "catch_kwargs") return Value::boolean(macro.uses_kwargs);
      if (name == "catch_varargs") return Value::boolean(macro.uses_varargs);
      if (name == "caller") return Value::boolean(macro.uses_caller);
      if (name != "arguments") break;
      std::vector<Value> names;
      for (const auto& [id, spelling] : macro.parameters) names.push_back(heap_.str(spelling));
      return heap_.tuple(std::move(names));
    }
    case ObjectKind::kCycler:
      if (name == "current") {
        const auto& cycler = static_cast<Cycler&>(object);
        return cycler.items[cycler.position];
      }
      break;
    default:
      break;
  }
  return no_attribute(target, name);
}

Result<Value> Interpreter::loop_attribute(Loop& loop, std::string_view name) {
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "depth") return Value::integer(loop.depth0 + 1);
  if (name == "depth0") return Value::integer(loop.depth0);
  if (name == "length" || name == "revindex" || name == "revindex0") {
    TRY_LET(const int64_t n_items, loop.count(*this));
    if (name == "length") return Value::integer(n_items);
    return Value::integer(n_items - loop.index0 - (name == "revindex" ? 0 : 1));
  }
  if (name == "previtem") {
    if (loop.index0 > 0) return *loop.before;
    return heap_.undefined("there is no previous item");
  }
  if (name == "last" || name == "nextitem") {
    TRY_LET(const Value* next, loop.peek(*this));
    if (name == "last") return Value::boolean(next == nullptr);
    return next ? *next : heap_.undefined("there is no next item");
  }
  return no_attribute(Value(&loop), name);
}

Result<Value> Interpreter::item(const Value& target, const Value& index) {
  if (target.is_undefined()) return invalid("{}", target.undefined().reason);
  if (target.is_dict() && check_key(index)) {
    if (const Value* found = target.dict().find(index)) return *found;
  }
  const Range* range = as_range(target);
  if (index.is_integral() && (target.is_sequence() || target.is_str() || range)) {
    const auto size = static_cast<int64_t>(*Cursor::over(target)->size());
    const int64_t i = index.as_int() < 0 ? index.as_int() + size : index.as_int();
    if (i < 0 || i >= size)
      return heap_.undefined(
          fmt::format("'{}' has no element {}", type_name(target), index.as_int()));
    if (target.is_sequence()) return target.items()[i];
    if (range) return Value::integer(range->at(i));
    TRY(step(target.str().ascii ? 0 : target.text().size() / 256));
    return slice_text(heap_, target, {i, i + 1, 1});
  }
  if (index.is_str() && !target.is_dict()) return attribute(target, index.text());
  if (index.is_str()) {
    if (const Builtin* method = find_method(target, index.text()))
      return Value(heap_.object<Method>(target, *method));
    return no_attribute(target, index.text());
  }
  return heap_.undefined(fmt::format("'{}' has no such element", type_name(target)));
}

Result<Value> Interpreter::slice(const Value& target, std::optional<int64_t> start,
                                 std::optional<int64_t> stop, std::optional<int64_t> stride) {
  if (target.is_undefined()) return invalid("{}", target.undefined().reason);
  const Range* range = as_range(target);
  if (!target.is_str() && !target.is_sequence() && !range)
    return invalid("'{}' object can't be sliced", type_name(target));
  const size_t size = *Cursor::over(target)->size();
  TRY(step(size / 256));
  TRY_LET(const SliceRange part, resolve(static_cast<int64_t>(size), start, stop, stride));
  if (target.is_str()) {
    TRY(reserve(target.text().size() * (part.step == 1 ? 1 : sizeof(char32_t))));
    return slice_text(heap_, target, part);
  }
  if (range)
    return Value(
        heap_.object<Range>(range->at(part.start), range->at(part.stop), range->step * part.step));
  TRY(reserve(part.size() * sizeof(Value)));
  std::vector<Value> items;
  items.reserve(part.size());
  for (size_t i = 0; i < part.size(); ++i)
    items.push_back(target.items()[part.start + static_cast<int64_t>(i) * part.step]);
  return target.is(Kind::kList) ? heap_.list(std::move(items)) : heap_.tuple(std::move(items));
}

}  // namespace hearth::text::jinja

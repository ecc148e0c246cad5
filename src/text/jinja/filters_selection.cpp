// SPDX-License-Identifier: MIT
// Filters that choose or map items, one at a time as they are asked for, and default.
#include <algorithm>

#include "text/jinja/attribute_path.h"
#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

// Opens `value` when the first item is asked for; what is false has no items, as in jinja2.
struct LazyCursor {
  Value value;
  std::optional<Cursor> cursor;

  Result<bool> next(In& in, Value& item) {
    if (!cursor) {
      if (!truthy(value)) return false;
      TRY_LET(cursor, Cursor::over(value));
    }
    return cursor->next(in, item);
  }
};

CallArgs after(const CallArgs& args, size_t n_skipped) {
  CallArgs rest = args;
  const size_t n = std::min(n_skipped, rest.positional.size());
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + n);
  return rest;
}

Result<Value> map_attribute(In& in, const CallArgs& args) {
  std::optional<Value> attribute, otherwise;
  std::string_view unexpected;
  for (const auto& [name, value] : args.named) {
    if (name == "attribute") {
      attribute = value;
    } else if (name == "default") {
      if (!value.is_none()) otherwise = value;
    } else {
      unexpected = name;
    }
  }
  const Value wanted = attribute.value_or(Value());
  const std::string problem =
      unexpected.empty() ? "" : fmt::format("takes no argument named '{}'", unexpected);
  return Value(in.heap().object<Iterator>(
      [source = LazyCursor{args.positional[0], {}}, path = AttributePath(in, wanted, otherwise),
       problem](In& inner, Value& item) mutable -> Result<bool> {
        Value next;
        TRY_LET(const bool more, source.next(inner, next));
        if (!more) return false;
        if (!problem.empty()) return invalid("map {}", problem);
        TRY_LET(item, path.get(inner, next));
        return true;
      }));
}

Result<Value> filter_map(In& in, const Bound& args) {
  const CallArgs& all = args.all;
  const bool by_attribute = all.positional.size() == 1 &&
                            std::any_of(all.named.begin(), all.named.end(), [](const auto& entry) {
                              return entry.first == "attribute";
                            });
  if (by_attribute) return map_attribute(in, all);
  return Value(in.heap().object<Iterator>([source = LazyCursor{all.positional[0], {}}, all](
                                              In& inner, Value& item) mutable -> Result<bool> {
    Value next;
    TRY_LET(const bool more, source.next(inner, next));
    if (!more) return false;
    if (all.positional.size() < 2) return invalid("map needs the name of a filter");
    TRY_LET(item, inner.apply_filter(all.positional[1], next, after(all, 2)));
    return true;
  }));
}

Result<Value> choose(In& in, const Bound& args, bool wanted, bool by_attribute) {
  const CallArgs& all = args.all;
  const size_t i_test = by_attribute ? 2 : 1;
  AttributePath path;
  const bool complete = !by_attribute || all.positional.size() > 1;
  if (by_attribute && complete) path = AttributePath(in, all.positional[1]);
  return Value(in.heap().object<Iterator>([source = LazyCursor{all.positional[0], {}}, all, path,
                                           complete, wanted,
                                           i_test](In& inner, Value& item) mutable -> Result<bool> {
    for (;;) {
      TRY_LET(const bool more, source.next(inner, item));
      if (!more) return false;
      if (!complete) return invalid("the name of an attribute is missing");
      TRY_LET(const Value tested, path.get(inner, item));
      bool passes = truthy(tested);
      if (all.positional.size() > i_test) {
        TRY_LET(passes, inner.apply_test(all.positional[i_test], tested, after(all, i_test + 1)));
      }
      if (passes == wanted) return true;
    }
  }));
}
Result<Value> filter_select(In& in, const Bound& args) { return choose(in, args, true, false); }
Result<Value> filter_reject(In& in, const Bound& args) { return choose(in, args, false, false); }
Result<Value> filter_selectattr(In& in, const Bound& args) { return choose(in, args, true, true); }
Result<Value> filter_rejectattr(In& in, const Bound& args) { return choose(in, args, false, true); }

Result<Value> filter_default(In& in, const Bound& args) {
  const bool missing = args[0].is_undefined() || (args.flag(2) && !truthy(args[0]));
  return missing ? args.get(1, in.heap().str("")) : args[0];
}

// Attributes only, never keys.
Result<Value> filter_attr(In& in, const Bound& args) {
  if (!args[1].is_str()) return invalid("the name of an attribute must be text");
  const std::string& name = args[1].text();
  if (args[0].is_undefined()) return invalid("{}", args[0].undefined().reason);
  if (args[0].is_dict() && !find_method(args[0], name))
    return in.heap().undefined(fmt::format("'dict' has no attribute '{}'", name));
  return in.attribute(args[0], name);
}

constexpr Builtin kSelectionFilters[] = {
    {"map", filter_map, 1, {}, Passing::kAnything},
    {"select", filter_select, 1, {}, Passing::kAnything},
    {"reject", filter_reject, 1, {}, Passing::kAnything},
    {"selectattr", filter_selectattr, 1, {}, Passing::kAnything},
    {"rejectattr", filter_rejectattr, 1, {}, Passing::kAnything},
    {"default", filter_default, 1, {"value", "default_value", "boolean"}},
    {"d", filter_default, 1, {"value", "default_value", "boolean"}},
    {"attr", filter_attr, 2, {"obj", "name"}},
};

}  // namespace

Table selection_filters() { return kSelectionFilters; }

}  // namespace hearth::text::jinja

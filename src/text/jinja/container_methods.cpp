// SPDX-License-Identifier: MIT
// Methods of dicts, lists, tuples, ranges, numbers, loops and cyclers. None changes a list or dict.
#include <algorithm>
#include <bit>
#include <cmath>

#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

Result<Value> dict_get(In&, const Bound& args) {
  TRY(check_key(args[1]));
  if (const Value* found = args[0].dict().find(args[1])) return *found;
  return args.get(2, Value());
}

Result<Value> dict_view(In& in, const Bound& args, View::Part part) {
  return Value(in.heap().object<View>(args[0].dict(), part));
}
Result<Value> dict_items(In& in, const Bound& args) {
  return dict_view(in, args, View::Part::kItems);
}
Result<Value> dict_keys(In& in, const Bound& args) {
  return dict_view(in, args, View::Part::kKeys);
}
Result<Value> dict_values(In& in, const Bound& args) {
  return dict_view(in, args, View::Part::kValues);
}

Result<Value> same_value(In&, const Bound& args) { return args[0]; }

Result<Value> sequence_count(In& in, const Bound& args) {
  TRY_LET(Cursor cursor, Cursor::over(args[0]));
  int64_t n_equal = 0;
  Value item;
  for (;;) {
    TRY_LET(const bool more, cursor.next(in, item));
    if (!more) return Value::integer(n_equal);
    TRY_LET(const bool same, in.same(item, args[1]));
    n_equal += same ? 1 : 0;
  }
}

Result<Value> sequence_index(In& in, const Bound& args) {
  TRY_LET(Cursor cursor, Cursor::over(args[0]));
  const auto size = static_cast<int64_t>(*cursor.size());
  int64_t bounds[2] = {0, size};
  for (size_t i = 0; i < 2; ++i) {
    if (!args.has(2 + i)) continue;
    if (!args[2 + i].is_integral()) return invalid("start and end must be integers");
    bounds[i] = args[2 + i].as_int();
    if (bounds[i] < 0) bounds[i] = bounds[i] < -size ? 0 : bounds[i] + size;
  }
  Value item;
  for (int64_t i = 0;; ++i) {
    TRY_LET(const bool more, cursor.next(in, item));
    if (!more) return invalid("the value is not in the {}", type_name(args[0]));
    if (i < bounds[0] || i >= bounds[1]) continue;
    TRY_LET(const bool same, in.same(item, args[1]));
    if (same) return Value::integer(i);
  }
}

Result<Value> int_bit_length(In&, const Bound& args) {
  const auto value = static_cast<uint64_t>(args[0].as_int());
  return Value::integer(std::bit_width(args[0].as_int() < 0 ? ~value + 1 : value));
}

Result<Value> float_is_integer(In&, const Bound& args) {
  const double value = args[0].as_double();
  return Value::boolean(std::isfinite(value) && value == std::floor(value));
}

Result<Value> loop_cycle(In&, const Bound& args) {
  const auto& loop = static_cast<const Loop&>(args.all.positional[0].object());
  const size_t n_items = args.all.positional.size() - 1;
  if (n_items == 0 || !args.all.named.empty()) return invalid("cycle needs items by place");
  return args.all.positional[1 + static_cast<size_t>(loop.index0) % n_items];
}

Result<Value> loop_changed(In& in, const Bound& args) {
  auto& loop = static_cast<Loop&>(args.all.positional[0].object());
  if (!args.all.named.empty()) return invalid("changed takes values by place");
  const auto& given = args.all.positional;
  const Value values = in.heap().tuple({given.begin() + 1, given.end()});
  if (loop.last_changed) {
    TRY_LET(const bool same, in.same(*loop.last_changed, values));
    if (same) return Value::boolean(false);
  }
  loop.last_changed = values;
  return Value::boolean(true);
}

Result<Value> cycler_next(In&, const Bound& args) {
  auto& cycler = static_cast<Cycler&>(args[0].object());
  const size_t now = cycler.position;
  cycler.position = (now + 1) % cycler.items.size();
  return cycler.items[now];
}

Result<Value> cycler_reset(In&, const Bound& args) {
  static_cast<Cycler&>(args[0].object()).position = 0;
  return Value();
}

constexpr Builtin kDict[] = {
    {"get", dict_get, 2, {"self", "key", "default"}, kPlace},
    {"items", dict_items, 1, {"self"}, kPlace},
    {"keys", dict_keys, 1, {"self"}, kPlace},
    {"values", dict_values, 1, {"self"}, kPlace},
    {"copy", same_value, 1, {"self"}, kPlace},
};
constexpr Builtin kSequence[] = {
    {"index", sequence_index, 2, {"self", "value", "start", "stop"}, kPlace},
    {"count", sequence_count, 2, {"self", "value"}, kPlace},
    {"copy", same_value, 1, {"self"}, kPlace},  // lists only: the last row
};
constexpr Builtin kInt[] = {{"bit_length", int_bit_length, 1, {"self"}, kPlace},
                            {"conjugate", same_value, 1, {"self"}, kPlace}};
constexpr Builtin kFloat[] = {{"is_integer", float_is_integer, 1, {"self"}, kPlace},
                              {"conjugate", same_value, 1, {"self"}, kPlace}};
constexpr Builtin kLoop[] = {{"cycle", loop_cycle, 1, {"self"}, Passing::kAnything},
                             {"changed", loop_changed, 1, {"self"}, Passing::kAnything}};
constexpr Builtin kCycler[] = {{"next", cycler_next, 1, {"self"}, kPlace},
                               {"reset", cycler_reset, 1, {"self"}, kPlace}};

}  // namespace

Table container_methods(const Value& self) {
  switch (self.kind()) {
    case Kind::kDict:
      return kDict;
    case Kind::kList:
      return kSequence;
    case Kind::kTuple:
      return Table(kSequence).first(2);
    case Kind::kBool:
    case Kind::kInt:
      return kInt;
    case Kind::kFloat:
      return kFloat;
    case Kind::kObject:
      break;
    default:
      return {};
  }
  switch (self.object().kind) {
    case ObjectKind::kRange:
      return Table(kSequence).first(2);
    case ObjectKind::kLoop:
      return kLoop;
    case ObjectKind::kCycler:
      return kCycler;
    default:
      return {};
  }
}

}  // namespace hearth::text::jinja

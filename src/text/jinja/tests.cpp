// SPDX-License-Identifier: MIT
// The tests of `is`.
#include <cmath>

#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

Value yes(bool answer) { return Value::boolean(answer); }

// value % divisor == rest
Result<Value> has_rest(const Value& value, const Value& divisor, double rest) {
  if (value.is_undefined()) return invalid("{}", value.undefined().reason);
  if (!value.is_number() || !divisor.is_number())
    return invalid("needs numbers, not {}", type_name(value.is_number() ? divisor : value));
  if (divisor.as_double() == 0) return invalid("division by zero");
  if (value.is_integral() && divisor.is_integral()) {
    if (divisor.as_int() == -1) return yes(rest == 0);
    int64_t left = value.as_int() % divisor.as_int();
    if (left != 0 && (left < 0) != (divisor.as_int() < 0)) left += divisor.as_int();
    return yes(static_cast<double>(left) == rest);
  }
  double left = std::fmod(value.as_double(), divisor.as_double());
  if (left != 0 && (left < 0) != (divisor.as_double() < 0)) left += divisor.as_double();
  return yes(left == rest);
}
Result<Value> test_odd(In&, const Bound& args) { return has_rest(args[0], Value::integer(2), 1); }
Result<Value> test_even(In&, const Bound& args) { return has_rest(args[0], Value::integer(2), 0); }
Result<Value> test_divisibleby(In&, const Bound& args) { return has_rest(args[0], args[1], 0); }

Result<Value> test_defined(In&, const Bound& args) { return yes(!args[0].is_undefined()); }
Result<Value> test_undefined(In&, const Bound& args) { return yes(args[0].is_undefined()); }
Result<Value> test_filter(In&, const Bound& args) {
  TRY(check_key(args[0]));
  return yes(args[0].is_str() && find_filter(args[0].text()));
}
Result<Value> test_test(In&, const Bound& args) {
  TRY(check_key(args[0]));
  return yes(args[0].is_str() && find_test(args[0].text()));
}
Result<Value> test_none(In&, const Bound& args) { return yes(args[0].is_none()); }
Result<Value> test_boolean(In&, const Bound& args) { return yes(args[0].is(Kind::kBool)); }
Result<Value> test_false(In&, const Bound& args) {
  return yes(args[0].is(Kind::kBool) && !args[0].as_bool());
}
Result<Value> test_true(In&, const Bound& args) {
  return yes(args[0].is(Kind::kBool) && args[0].as_bool());
}
Result<Value> test_integer(In&, const Bound& args) { return yes(args[0].is(Kind::kInt)); }
Result<Value> test_float(In&, const Bound& args) { return yes(args[0].is(Kind::kFloat)); }
Result<Value> test_number(In&, const Bound& args) { return yes(args[0].is_number()); }
Result<Value> test_string(In&, const Bound& args) { return yes(args[0].is_str()); }
Result<Value> test_mapping(In&, const Bound& args) { return yes(args[0].is_dict()); }
Result<Value> test_escaped(In&, const Bound& args) {
  return yes(args[0].is_str() && args[0].str().markup);
}

Result<Value> all_case(In& in, const Bound& args, PythonClass which) {
  TRY_LET(const std::string text, in.to_text(args[0]));
  return yes(is_all_case(text, which));
}
Result<Value> test_lower(In& in, const Bound& args) {
  return all_case(in, args, PythonClass::kLower);
}
Result<Value> test_upper(In& in, const Bound& args) {
  return all_case(in, args, PythonClass::kUpper);
}

Result<Value> test_sequence(In&, const Bound& args) {
  const Value& value = args[0];
  return yes(value.is_undefined() || value.is_str() || value.is_sequence() || value.is_dict() ||
             as_range(value));
}

Result<Value> test_iterable(In&, const Bound& args) {
  return yes(object_as<Loop>(args[0], ObjectKind::kLoop) || Cursor::over(args[0]).has_value());
}

Result<Value> test_callable(In&, const Bound& args) {
  if (args[0].is_undefined()) return yes(true);
  if (!args[0].is_object()) return yes(false);
  switch (args[0].object().kind) {
    case ObjectKind::kMacro:
    case ObjectKind::kFunction:
    case ObjectKind::kMethod:
    case ObjectKind::kLoop:
    case ObjectKind::kJoiner:
      return yes(true);
    default:
      return yes(false);
  }
}

Result<Value> test_sameas(In&, const Bound& args) { return yes(args[0].same_as(args[1])); }
Result<Value> test_in(In& in, const Bound& args) {
  TRY_LET(const bool found, in.contains(args[1], args[0]));
  return yes(found);
}
Result<Value> test_equal(In& in, const Bound& args) {
  TRY_LET(const bool same, in.same(args[0], args[1]));
  return yes(same);
}
Result<Value> test_unequal(In& in, const Bound& args) {
  TRY_LET(const bool same, in.same(args[0], args[1]));
  return yes(!same);
}
template <Order kOrder>
Result<Value> test_order(In& in, const Bound& args) {
  TRY_LET(const bool holds, in.in_order(kOrder, args[0], args[1]));
  return yes(holds);
}

constexpr Builtin kTests[] = {
    {"defined", test_defined, 1, {"value"}},
    {"undefined", test_undefined, 1, {"value"}},
    {"string", test_string, 1, {"value"}},
    {"none", test_none, 1, {"value"}},
    {"mapping", test_mapping, 1, {"value"}},
    {"iterable", test_iterable, 1, {"value"}},
    {"sequence", test_sequence, 1, {"value"}},
    {"boolean", test_boolean, 1, {"value"}},
    {"false", test_false, 1, {"value"}},
    {"true", test_true, 1, {"value"}},
    {"integer", test_integer, 1, {"value"}},
    {"float", test_float, 1, {"value"}},
    {"number", test_number, 1, {"value"}},
    {"odd", test_odd, 1, {"value"}},
    {"even", test_even, 1, {"value"}},
    {"divisibleby", test_divisibleby, 2, {"value", "num"}},
    {"lower", test_lower, 1, {"value"}},
    {"upper", test_upper, 1, {"value"}},
    {"filter", test_filter, 1, {"value"}},
    {"test", test_test, 1, {"value"}},
    {"callable", test_callable, 1, {"value"}, kPlace},
    {"sameas", test_sameas, 2, {"value", "other"}},
    {"escaped", test_escaped, 1, {"value"}},
    {"in", test_in, 2, {"value", "seq"}},
    {"==", test_equal, 2, {"a", "b"}, kPlace},
    {"eq", test_equal, 2, {"a", "b"}, kPlace},
    {"equalto", test_equal, 2, {"a", "b"}, kPlace},
    {"!=", test_unequal, 2, {"a", "b"}, kPlace},
    {"ne", test_unequal, 2, {"a", "b"}, kPlace},
    {">", test_order<Order::kGreater>, 2, {"a", "b"}, kPlace},
    {"gt", test_order<Order::kGreater>, 2, {"a", "b"}, kPlace},
    {"greaterthan", test_order<Order::kGreater>, 2, {"a", "b"}, kPlace},
    {">=", test_order<Order::kGreaterEqual>, 2, {"a", "b"}, kPlace},
    {"ge", test_order<Order::kGreaterEqual>, 2, {"a", "b"}, kPlace},
    {"<", test_order<Order::kLess>, 2, {"a", "b"}, kPlace},
    {"lt", test_order<Order::kLess>, 2, {"a", "b"}, kPlace},
    {"lessthan", test_order<Order::kLess>, 2, {"a", "b"}, kPlace},
    {"<=", test_order<Order::kLessEqual>, 2, {"a", "b"}, kPlace},
    {"le", test_order<Order::kLessEqual>, 2, {"a", "b"}, kPlace},
};

}  // namespace

const Builtin* find_test(std::string_view name) { return find_in(kTests, name); }

}  // namespace hearth::text::jinja

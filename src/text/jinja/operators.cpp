// SPDX-License-Identifier: MIT
// Python's arithmetic and membership on values. Integers have 64 bits here; past them is an error.
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/markup.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/text_ops.h"

namespace hearth::text::jinja {
namespace {

Failure too_large() { return over_limit("an integer result does not fit in 64 bits"); }

Failure not_supported(BinaryOp op, const Value& a, const Value& b) {
  constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};
  return invalid("'{}' is not possible between '{}' and '{}'", kSigns[static_cast<int>(op)],
                 type_name(a), type_name(b));
}

// Rounds the quotient down, as Python does.
Result<Value> divide_int(BinaryOp op, int64_t a, int64_t b) {
  if (b == 0) return invalid("division by zero");
  if (op == BinaryOp::kDivide)
    return Value::real(static_cast<double>(static_cast<long double>(a) / b));
  if (b == -1) {
    int64_t negated;
    if (__builtin_sub_overflow(int64_t{0}, a, &negated)) return too_large();
    return Value::integer(op == BinaryOp::kModulo ? 0 : negated);
  }
  int64_t quotient = a / b, rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    --quotient;
    rest += b;
  }
  return Value::integer(op == BinaryOp::kModulo ? rest : quotient);
}

Result<Value> power_int(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return invalid("0 can't be raised to a negative power");
    return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return too_large();
  }
  return Value::integer(result);
}

Result<Value> arithmetic_int(BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOp::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case BinaryOp::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case BinaryOp::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case BinaryOp::kPower:
      return power_int(a, b);
    default:
      return divide_int(op, a, b);
  }
  if (overflow) return too_large();
  return Value::integer(result);
}

// CPython's float floor division and modulo: the rest takes the divisor's sign.
Result<Value> divide_float(BinaryOp op, double a, double b) {
  if (b == 0) return invalid("division by zero");
  if (op == BinaryOp::kDivide) return Value::real(a / b);
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) {
      rest += b;
      quotient -= 1.0;
    }
  } else {
    rest = std::copysign(0.0, b);
  }
  if (op == BinaryOp::kModulo) return Value::real(rest);
  if (quotient == 0) return Value::real(std::copysign(0.0, a / b));
  double floored = std::floor(quotient);
  if (quotient - floored > 0.5) floored += 1.0;
  return Value::real(floored);
}

Result<Value> arithmetic_float(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::real(a + b);
    case BinaryOp::kSubtract:
      return Value::real(a - b);
    case BinaryOp::kMultiply:
      return Value::real(a * b);
    case BinaryOp::kPower: {
      if (a == 0 && b < 0) return invalid("0.0 can't be raised to a negative power");
      if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
        return unsupported("a root of a negative number is complex");
      const double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
        return invalid("the result of ** is too large");
      return Value::real(result);
    }
    default:
      return divide_float(op, a, b);
  }
}

}  // namespace

Result<bool> Interpreter::same(const Value& a, const Value& b) {
  Effort effort{limits_.max_steps - n_steps_};
  const uint64_t before = effort.left;
  TRY_LET(const bool result, equal(a, b, effort));
  TRY(step(before - effort.left));
  return result;
}

Result<bool> Interpreter::in_order(Order order, const Value& a, const Value& b) {
  Effort effort{limits_.max_steps - n_steps_};
  const uint64_t before = effort.left;
  TRY_LET(const bool result, ordered(order, a, b, effort));
  TRY(step(before - effort.left));
  return result;
}

Result<Value> Interpreter::binary(BinaryOp op, const Value& a, const Value& b) {
  if (op == BinaryOp::kModulo && a.is_str()) return percent_format(*this, a, b);
  if (a.is_undefined()) return invalid("{}", a.undefined().reason);
  if (b.is_undefined()) return invalid("{}", b.undefined().reason);
  if (a.is_integral() && b.is_integral()) return arithmetic_int(op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return arithmetic_float(op, a.as_double(), b.as_double());
  if (op == BinaryOp::kAdd) return add(a, b);
  if (op == BinaryOp::kMultiply) return multiply(a, b);
  return not_supported(op, a, b);
}

Result<Value> Interpreter::add(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return binary(BinaryOp::kAdd, a, b);
  if (a.is_str() && b.is_str()) {
    const bool markup = a.str().markup || b.str().markup;
    const std::string left = markup && !a.str().markup ? escaped(a.text()) : a.text();
    const std::string right = markup && !b.str().markup ? escaped(b.text()) : b.text();
    TRY(reserve(left.size() + right.size()));
    return heap_.str(left + right, markup);
  }
  if (!a.is_sequence() || a.kind() != b.kind()) return not_supported(BinaryOp::kAdd, a, b);
  TRY(reserve((a.items().size() + b.items().size()) * sizeof(Value)));
  TRY(step((a.items().size() + b.items().size()) / 64));
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.is(Kind::kList) ? heap_.list(std::move(items)) : heap_.tuple(std::move(items));
}

Result<Value> Interpreter::multiply(const Value& a, const Value& b) {
  if (b.is_integral() && (a.is_str() || a.is_sequence())) return repeat(a, b.as_int());
  if (a.is_integral() && (b.is_str() || b.is_sequence())) return repeat(b, a.as_int());
  return not_supported(BinaryOp::kMultiply, a, b);
}

Result<Value> Interpreter::repeat(const Value& sequence, int64_t n_times) {
  const size_t n = n_times > 0 ? static_cast<size_t>(n_times) : 0;
  const size_t unit =
      sequence.is_str() ? sequence.text().size() : sequence.items().size() * sizeof(Value);
  size_t n_bytes = 0;
  if (__builtin_mul_overflow(unit, n, &n_bytes)) return over_limit("repeated too often");
  TRY(reserve(n_bytes));
  const size_t n_copies = unit == 0 ? 0 : n;
  if (sequence.is_str()) {
    std::string text;
    text.reserve(n_bytes);
    for (size_t i = 0; i < n_copies; ++i) text += sequence.text();
    return heap_.str(std::move(text), sequence.str().markup);
  }
  std::vector<Value> items;
  items.reserve(sequence.items().size() * n_copies);
  for (size_t i = 0; i < n_copies; ++i)
    items.insert(items.end(), sequence.items().begin(), sequence.items().end());
  return sequence.is(Kind::kList) ? heap_.list(std::move(items)) : heap_.tuple(std::move(items));
}

Result<bool> Interpreter::contains(const Value& container, const Value& item) {
  if (container.is_str()) {
    if (!item.is_str())
      return invalid("'in' with text needs text on the left, not {}", type_name(item));
    TRY(step(container.text().size() / 1024));
    return find_text(container.text(), item.text()) != std::string::npos;
  }
  const View* view = as_view(container);
  if (container.is_dict() || (view && view->part == View::Part::kKeys)) {
    TRY(check_key(item));
    return (view ? view->dict : container.dict()).find(item) != nullptr;
  }
  auto cursor = Cursor::over(container);
  if (!cursor) return invalid("'in' is not possible with '{}'", type_name(container));
  Value candidate;
  for (;;) {
    TRY_LET(const bool more, cursor->next(*this, candidate));
    if (!more) return false;
    TRY_LET(const bool found, same(candidate, item));
    if (found) return true;
  }
}

Result<std::vector<Value>> Interpreter::collect(const Value& iterable) {
  TRY_LET(Cursor cursor, Cursor::over(iterable));
  std::vector<Value> items;
  if (iterable.is_sequence()) {
    TRY(step(iterable.items().size() / 64));
    TRY(reserve(iterable.items().size() * sizeof(Value)));
    items = iterable.items();
    return items;
  }
  Value item;
  for (;;) {
    TRY_LET(const bool more, cursor.next(*this, item));
    if (!more) return items;
    items.push_back(item);
  }
}

}  // namespace hearth::text::jinja

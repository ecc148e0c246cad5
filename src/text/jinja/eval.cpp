// SPDX-License-Identifier: MIT
// The expressions of a template.
#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {

Result<Value> Interpreter::eval(const Expr& expr) {
  if (expr.kind == ExprKind::kConst) return static_cast<const ConstExpr&>(expr).value;
  line_ = expr.line;
  TRY(step());
  if (expr.kind == ExprKind::kName) return eval_name(static_cast<const NameExpr&>(expr));
  const Level level(*this);
  TRY(level.check());
  switch (expr.kind) {
    case ExprKind::kAttribute: {
      const auto& node = static_cast<const AttributeExpr&>(expr);
      TRY_LET(const Value target, eval(*node.target));
      return attribute(target, node.name);
    }
    case ExprKind::kItem:
      return eval_item(static_cast<const ItemExpr&>(expr));
    case ExprKind::kCall:
      return eval_call(static_cast<const CallExpr&>(expr), nullptr);
    case ExprKind::kFilter:
      return eval_filter(static_cast<const FilterExpr&>(expr), nullptr);
    case ExprKind::kTest:
      return eval_test(static_cast<const FilterExpr&>(expr));
    case ExprKind::kBinary:
      return eval_binary(static_cast<const BinaryExpr&>(expr));
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return eval_logic(static_cast<const BinaryExpr&>(expr));
    case ExprKind::kCompare:
      return eval_compare(static_cast<const CompareExpr&>(expr));
    default:
      return eval_other(expr);
  }
}

Result<Value> Interpreter::eval_other(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kList:
    case ExprKind::kTuple:
      return eval_list(static_cast<const ListExpr&>(expr));
    case ExprKind::kDict:
      return eval_dict(static_cast<const DictExpr&>(expr));
    case ExprKind::kNot:
    case ExprKind::kNegative:
    case ExprKind::kPositive:
      return eval_unary(static_cast<const UnaryExpr&>(expr));
    case ExprKind::kConcat:
      return eval_concat(static_cast<const ConcatExpr&>(expr));
    case ExprKind::kCond:
      return eval_cond(static_cast<const CondExpr&>(expr));
    default:
      return invalid("a slice stands where a value was expected");
  }
}

Result<Value> Interpreter::eval_name(const NameExpr& expr) {
  for (const Scope* scope = scope_; scope; scope = scope->parent)
    if (const Value* found = scope->find(expr.name)) return *found;
  if (const auto& global = globals_[expr.name]) return *global;
  return heap_.undefined(fmt::format("'{}' is undefined", expr.spelling));
}

Result<Value> Interpreter::eval_list(const ListExpr& expr) {
  std::vector<Value> items;
  items.reserve(expr.items.size());
  for (const Expr* item : expr.items) {
    TRY_LET(const Value value, eval(*item));
    items.push_back(value);
  }
  return expr.kind == ExprKind::kList ? heap_.list(std::move(items))
                                      : heap_.tuple(std::move(items));
}

Result<Value> Interpreter::eval_dict(const DictExpr& expr) {
  Dict dict;
  for (const auto& [key_expr, value_expr] : expr.entries) {
    TRY_LET(const Value key, eval(*key_expr));
    TRY(check_key(key));
    TRY_LET(const Value value, eval(*value_expr));
    dict.set(key, value);
  }
  return heap_.dict(std::move(dict));
}

Result<Value> Interpreter::eval_item(const ItemExpr& expr) {
  TRY_LET(const Value target, eval(*expr.target));
  if (expr.index->kind == ExprKind::kSlice)
    return eval_slice(target, static_cast<const SliceExpr&>(*expr.index));
  TRY_LET(const Value index, eval(*expr.index));
  return item(target, index);
}

Result<std::optional<int64_t>> Interpreter::slice_bound(const Expr* expr) {
  if (!expr) return std::nullopt;
  TRY_LET(const Value value, eval(*expr));
  if (value.is_none()) return std::nullopt;
  if (!value.is_integral())
    return invalid("a slice needs integers or none, not {}", type_name(value));
  return value.as_int();
}

Result<Value> Interpreter::eval_slice(const Value& target, const SliceExpr& expr) {
  TRY_LET(const auto start, slice_bound(expr.start));
  TRY_LET(const auto stop, slice_bound(expr.stop));
  TRY_LET(const auto stride, slice_bound(expr.step));
  return slice(target, start, stop, stride);
}

Result<Value> Interpreter::eval_filter(const FilterExpr& expr, const Value* input) {
  CallArgs args;
  if (expr.target) {
    const bool in_chain = input && expr.target->kind == ExprKind::kFilter;
    TRY_LET(const Value value,
            in_chain ? eval_filter(static_cast<const FilterExpr&>(*expr.target), input)
                     : eval(*expr.target));
    args.positional.push_back(value);
  } else {
    args.positional.push_back(*input);
  }
  if (!expr.builtin) return invalid("there is no filter named '{}'", expr.name);
  TRY(eval_arguments(expr.arguments, args));
  line_ = expr.line;
  return within(expr.name, call_builtin(*expr.builtin, std::move(args)));
}

Result<Value> Interpreter::eval_test(const FilterExpr& expr) {
  TRY_LET(const Value value, eval(*expr.target));
  if (!expr.builtin) return invalid("there is no test named '{}'", expr.name);
  CallArgs args;
  args.positional.push_back(value);
  TRY(eval_arguments(expr.arguments, args));
  line_ = expr.line;
  return within(expr.name, call_builtin(*expr.builtin, std::move(args)));
}

Result<Value> Interpreter::eval_unary(const UnaryExpr& expr) {
  TRY_LET(const Value value, eval(*expr.operand));
  if (expr.kind == ExprKind::kNot) return Value::boolean(!truthy(value));
  if (value.is_undefined()) return invalid("{}", value.undefined().reason);
  if (!value.is_number()) return invalid("a sign before {}", type_name(value));
  const bool negative = expr.kind == ExprKind::kNegative;
  if (value.is(Kind::kFloat)) return Value::real(negative ? -value.as_double() : value.as_double());
  if (!negative) return Value::integer(value.as_int());
  return binary(BinaryOp::kSubtract, Value::integer(0), value);
}

Result<Value> Interpreter::eval_binary(const BinaryExpr& expr) {
  TRY_LET(const Value left, eval(*expr.left));
  TRY_LET(const Value right, eval(*expr.right));
  line_ = expr.line;
  return binary(expr.op, left, right);
}

Result<Value> Interpreter::eval_logic(const BinaryExpr& expr) {
  TRY_LET(const Value left, eval(*expr.left));
  if (truthy(left) == (expr.kind == ExprKind::kOr)) return left;
  return eval(*expr.right);
}

Result<Value> Interpreter::eval_concat(const ConcatExpr& expr) {
  std::string text;
  for (const Expr* part : expr.parts) {
    TRY_LET(const Value value, eval(*part));
    TRY_LET(const std::string piece, to_text(value));
    TRY(reserve(text.size() + piece.size()));
    text += piece;
  }
  return heap_.str(std::move(text));
}

Result<bool> Interpreter::compare(CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEqual:
      return same(a, b);
    case CompareOp::kNotEqual: {
      TRY_LET(const bool is_same, same(a, b));
      return !is_same;
    }
    case CompareOp::kLess:
      return in_order(Order::kLess, a, b);
    case CompareOp::kLessEqual:
      return in_order(Order::kLessEqual, a, b);
    case CompareOp::kGreater:
      return in_order(Order::kGreater, a, b);
    case CompareOp::kGreaterEqual:
      return in_order(Order::kGreaterEqual, a, b);
    case CompareOp::kIn:
      return contains(b, a);
    case CompareOp::kNotIn: {
      TRY_LET(const bool found, contains(b, a));
      return !found;
    }
  }
  return false;
}

Result<Value> Interpreter::eval_compare(const CompareExpr& expr) {
  TRY_LET(Value left, eval(*expr.first));
  for (const auto& [op, right_expr] : expr.rest) {
    TRY_LET(const Value right, eval(*right_expr));
    TRY_LET(const bool holds, compare(op, left, right));
    if (!holds) return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Result<Value> Interpreter::eval_cond(const CondExpr& expr) {
  TRY_LET(const Value test, eval(*expr.test));
  if (truthy(test)) return eval(*expr.yes);
  if (expr.no) return eval(*expr.no);
  return heap_.undefined("the inline if was false and has no else");
}

}  // namespace hearth::text::jinja

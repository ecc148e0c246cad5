// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <optional>

#include "text/jinja/builtin.h"
#include "text/jinja/parser_state.h"

namespace hearth::text::jinja {
namespace {

std::optional<CompareOp> compare_op(const Token& token) {
  if (!token.is(TokenKind::kOperator)) return std::nullopt;
  if (token.text == "==") return CompareOp::kEqual;
  if (token.text == "!=") return CompareOp::kNotEqual;
  if (token.text == "<") return CompareOp::kLess;
  if (token.text == "<=") return CompareOp::kLessEqual;
  if (token.text == ">") return CompareOp::kGreater;
  if (token.text == ">=") return CompareOp::kGreaterEqual;
  return std::nullopt;
}

std::optional<BinaryOp> product_op(const Token& token) {
  if (!token.is(TokenKind::kOperator)) return std::nullopt;
  if (token.text == "*") return BinaryOp::kMultiply;
  if (token.text == "/") return BinaryOp::kDivide;
  if (token.text == "//") return BinaryOp::kFloorDivide;
  if (token.text == "%") return BinaryOp::kModulo;
  return std::nullopt;
}

}  // namespace

void Parser::deepen(Expr& node, const Expr* child) const {
  if (child) node.depth = std::max(node.depth, child->depth + 1);
}

void Parser::deepen(Expr& node, const Arguments& arguments) const {
  for (const Expr* argument : arguments.positional) deepen(node, argument);
  for (const auto& [name, argument] : arguments.named) deepen(node, argument);
  deepen(node, arguments.star);
  deepen(node, arguments.double_star);
}

Parser::ExprResult Parser::checked(Expr* node) const {
  if (node->depth > kMaxExprDepth)
    return over_limit("line {}: an expression of more than {} steps", node->line, kMaxExprDepth);
  return node;
}

Parser::ExprResult Parser::parse_expression(bool with_cond) {
  const Nest nest(expr_nesting_);
  TRY(check_nesting(expr_nesting_));
  return with_cond ? parse_cond() : parse_or();
}

Parser::ExprResult Parser::parse_tuple(bool with_cond, bool parenthesized, EndTags end_names) {
  const int line = current().line;
  const auto at_end = [&] {
    return current().is(TokenKind::kPrintEnd) || current().is(TokenKind::kBlockEnd) ||
           current().is_op(")") ||
           std::any_of(end_names.begin(), end_names.end(),
                       [&](std::string_view name) { return current().is_name(name); });
  };
  std::vector<const Expr*> items;
  bool is_tuple = false;
  while (!at_end()) {
    TRY_LET(const Expr* item, parse_expression(with_cond));
    items.push_back(item);
    if (!skip_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return items[0];
  if (!is_tuple && !parenthesized) return unexpected("an expression");
  auto* node = ast_.make<ListExpr>(line, ExprKind::kTuple);
  for (const Expr* item : items) deepen(*node, item);
  node->items = std::move(items);
  return checked(node);
}

Parser::ExprResult Parser::parse_cond() {
  const Nest nest(expr_nesting_);
  TRY(check_nesting(expr_nesting_));
  const size_t n_unknown = unknown_.size();
  const int line = current().line;
  TRY_LET(const Expr* result, parse_or());
  while (skip_name("if")) {
    auto* node = ast_.make<CondExpr>(line);
    node->yes = result;
    TRY_LET(node->test, parse_or());
    if (skip_name("else")) {
      TRY_LET(node->no, parse_cond());
    }
    unknown_.resize(n_unknown);  // inside an inline if they are errors only when reached
    deepen(*node, node->yes);
    deepen(*node, node->test);
    deepen(*node, node->no);
    TRY_LET(result, checked(node));
  }
  return result;
}

Parser::ExprResult Parser::binary(ExprKind kind, BinaryOp op, const Expr* left, const Expr* right,
                                  int line) {
  auto* node = ast_.make<BinaryExpr>(line, kind, op, left, right);
  deepen(*node, left);
  deepen(*node, right);
  return checked(node);
}

Parser::ExprResult Parser::parse_or() {
  TRY_LET(const Expr* left, parse_and());
  for (int line = current().line; skip_name("or"); line = current().line) {
    TRY_LET(const Expr* right, parse_and());
    TRY_LET(left, binary(ExprKind::kOr, BinaryOp::kAdd, left, right, line));
  }
  return left;
}

Parser::ExprResult Parser::parse_and() {
  TRY_LET(const Expr* left, parse_not());
  for (int line = current().line; skip_name("and"); line = current().line) {
    TRY_LET(const Expr* right, parse_not());
    TRY_LET(left, binary(ExprKind::kAnd, BinaryOp::kAdd, left, right, line));
  }
  return left;
}

Parser::ExprResult Parser::parse_not() {
  int n_not = 0;
  const int line = current().line;
  while (skip_name("not")) ++n_not;
  TRY_LET(const Expr* node, parse_compare());
  for (; n_not > 0; --n_not) {
    auto* negated = ast_.make<UnaryExpr>(line, ExprKind::kNot, node);
    deepen(*negated, node);
    TRY_LET(node, checked(negated));
  }
  return node;
}

Parser::ExprResult Parser::parse_compare() {
  const int line = current().line;
  TRY_LET(const Expr* first, parse_sum());
  CompareExpr* node = nullptr;
  for (;;) {
    CompareOp op;
    if (const auto sign = compare_op(current())) {
      op = *sign;
      take();
    } else if (skip_name("in")) {
      op = CompareOp::kIn;
    } else if (current().is_name("not") && look().is_name("in")) {
      op = CompareOp::kNotIn;
      take();
      take();
    } else {
      break;
    }
    if (!node) {
      node = ast_.make<CompareExpr>(line);
      node->first = first;
      deepen(*node, first);
    }
    TRY_LET(const Expr* right, parse_sum());
    node->rest.emplace_back(op, right);
    deepen(*node, right);
  }
  return node ? checked(node) : first;
}

Parser::ExprResult Parser::parse_sum() {
  TRY_LET(const Expr* left, parse_concat());
  while (current().is_op("+") || current().is_op("-")) {
    const int line = current().line;
    const BinaryOp op = take().text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    TRY_LET(const Expr* right, parse_concat());
    TRY_LET(left, binary(ExprKind::kBinary, op, left, right, line));
  }
  return left;
}

Parser::ExprResult Parser::parse_concat() {
  const int line = current().line;
  TRY_LET(const Expr* first, parse_product());
  if (!current().is_op("~")) return first;
  auto* node = ast_.make<ConcatExpr>(line);
  node->parts.push_back(first);
  deepen(*node, first);
  while (skip_op("~")) {
    TRY_LET(const Expr* part, parse_product());
    node->parts.push_back(part);
    deepen(*node, part);
  }
  return checked(node);
}

Parser::ExprResult Parser::parse_product() {
  TRY_LET(const Expr* left, parse_power());
  while (const auto op = product_op(current())) {
    const int line = take().line;
    TRY_LET(const Expr* right, parse_power());
    TRY_LET(left, binary(ExprKind::kBinary, *op, left, right, line));
  }
  return left;
}

Parser::ExprResult Parser::parse_power() {
  TRY_LET(const Expr* left, parse_unary(true));
  for (int line = current().line; skip_op("**"); line = current().line) {
    TRY_LET(const Expr* right, parse_unary(true));
    TRY_LET(left, binary(ExprKind::kBinary, BinaryOp::kPower, left, right, line));
  }
  return left;
}

Parser::ExprResult Parser::parse_unary(bool with_filter) {
  const Nest nest(expr_nesting_);
  TRY(check_nesting(expr_nesting_));
  const int line = current().line;
  const Expr* node = nullptr;
  if (current().is_op("-") || current().is_op("+")) {
    const ExprKind kind = take().text == "-" ? ExprKind::kNegative : ExprKind::kPositive;
    TRY_LET(const Expr* operand, parse_unary(false));
    auto* made = ast_.make<UnaryExpr>(line, kind, operand);
    deepen(*made, operand);
    TRY_LET(node, checked(made));
  } else {
    TRY_LET(node, parse_primary());
  }
  TRY_LET(node, parse_postfix(node));
  if (!with_filter) return node;
  return parse_filters_and_tests(node);
}

Parser::ExprResult Parser::parse_primary() {
  const Token& token = current();
  switch (token.kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kString:
      return parse_string();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return parse_number();
    default:
      break;
  }
  if (skip_op("(")) {
    TRY_LET(const Expr* inner, parse_tuple(true, true));
    TRY(expect_op(")"));
    return inner;
  }
  if (token.is_op("[")) return parse_list();
  if (token.is_op("{")) return parse_dict();
  return unexpected("an expression");
}

Parser::ExprResult Parser::parse_name() {
  const Token& token = take();
  const std::string& name = token.text;
  if (name == "true" || name == "True")
    return ast_.make<ConstExpr>(token.line, Value::boolean(true));
  if (name == "false" || name == "False")
    return ast_.make<ConstExpr>(token.line, Value::boolean(false));
  if (name == "none" || name == "None") return ast_.make<ConstExpr>(token.line, Value());
  for (MacroStatement* macro : macros_) {
    if (name == "caller") macro->uses_caller = true;
    if (name == "kwargs") macro->uses_kwargs = true;
    if (name == "varargs") macro->uses_varargs = true;
  }
  const uint32_t id = ast_.name_id(name);
  return ast_.make<NameExpr>(token.line, id, ast_.spelling(id));
}

Parser::ExprResult Parser::parse_string() {
  const int line = current().line;
  std::string text = take().text;
  while (current().is(TokenKind::kString)) text += take().text;
  return ast_.make<ConstExpr>(line, ast_.constants.str(std::move(text)));
}

Parser::ExprResult Parser::parse_number() {
  const Token& token = take();
  if (token.is(TokenKind::kFloat)) {
    double value = 0;
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    return ast_.make<ConstExpr>(token.line, Value::real(value));
  }
  std::string_view digits = token.text;
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0') {
    const char letter = static_cast<char>(digits[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10) digits.remove_prefix(2);
  }
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (parsed.ec != std::errc())
    return unsupported("line {}: the integer {} does not fit in 64 bits", token.line, token.text);
  return ast_.make<ConstExpr>(token.line, Value::integer(value));
}

Parser::ExprResult Parser::parse_list() {
  const int line = take().line;
  auto* node = ast_.make<ListExpr>(line, ExprKind::kList);
  while (!current().is_op("]")) {
    TRY_LET(const Expr* item, parse_expression());
    node->items.push_back(item);
    deepen(*node, item);
    if (!current().is_op("]")) TRY(expect_op(","));
  }
  take();
  return checked(node);
}

Parser::ExprResult Parser::parse_dict() {
  const int line = take().line;
  auto* node = ast_.make<DictExpr>(line);
  while (!current().is_op("}")) {
    TRY_LET(const Expr* key, parse_expression());
    TRY(expect_op(":"));
    TRY_LET(const Expr* value, parse_expression());
    node->entries.emplace_back(key, value);
    deepen(*node, key);
    deepen(*node, value);
    if (!current().is_op("}")) TRY(expect_op(","));
  }
  take();
  return checked(node);
}

Parser::ExprResult Parser::parse_postfix(const Expr* node) {
  for (;;) {
    if (current().is_op(".")) {
      TRY_LET(node, parse_attribute(node));
    } else if (current().is_op("[")) {
      TRY_LET(node, parse_item(node));
    } else if (current().is_op("(")) {
      TRY_LET(node, parse_call(node));
    } else {
      return node;
    }
  }
}

Parser::ExprResult Parser::parse_filters_and_tests(const Expr* node) {
  for (;;) {
    if (current().is_op("|")) {
      TRY_LET(node, parse_filter(node, false));
    } else if (current().is_name("is")) {
      TRY_LET(node, parse_test(node));
    } else if (current().is_op("(")) {
      TRY_LET(node, parse_call(node));
    } else {
      return node;
    }
  }
}

Parser::ExprResult Parser::parse_attribute(const Expr* target) {
  const int line = take().line;
  if (current().is(TokenKind::kInteger)) {
    TRY_LET(const Expr* index, parse_number());
    auto* node = ast_.make<ItemExpr>(line, target, index);
    deepen(*node, target);
    return checked(node);
  }
  TRY_LET(const std::string_view name, name_token());
  auto* node = ast_.make<AttributeExpr>(line, target, name);
  deepen(*node, target);
  return checked(node);
}

Parser::ExprResult Parser::parse_item(const Expr* target) {
  const int line = take().line;
  std::vector<const Expr*> parts;
  while (!current().is_op("]")) {
    if (!parts.empty()) TRY(expect_op(","));
    TRY_LET(const Expr* part, parse_subscript());
    parts.push_back(part);
  }
  take();
  const Expr* index = nullptr;
  if (parts.size() == 1) {
    index = parts[0];
  } else {
    auto* tuple = ast_.make<ListExpr>(line, ExprKind::kTuple);
    for (const Expr* part : parts) {
      if (part->kind == ExprKind::kSlice) return fail_at(line, "a slice inside a tuple index");
      deepen(*tuple, part);
    }
    tuple->items = std::move(parts);
    index = tuple;
  }
  auto* node = ast_.make<ItemExpr>(line, target, index);
  deepen(*node, target);
  deepen(*node, index);
  return checked(node);
}

// One bound of a slice; nullptr where it is left out.
Parser::ExprResult Parser::parse_slice_part() {
  if (current().is_op(":") || current().is_op("]") || current().is_op(",")) return nullptr;
  return parse_expression();
}

Parser::ExprResult Parser::parse_subscript() {
  const int line = current().line;
  const Expr* start = nullptr;
  if (!current().is_op(":")) {
    TRY_LET(start, parse_expression());
    if (!current().is_op(":")) return start;
  }
  take();
  auto* node = ast_.make<SliceExpr>(line);
  node->start = start;
  TRY_LET(node->stop, parse_slice_part());
  if (skip_op(":")) {
    TRY_LET(node->step, parse_slice_part());
  }
  deepen(*node, node->start);
  deepen(*node, node->stop);
  deepen(*node, node->step);
  return checked(node);
}

Parser::ExprResult Parser::parse_call(const Expr* target) {
  auto* node = ast_.make<CallExpr>(current().line);
  node->target = target;
  TRY(parse_arguments(node->arguments));
  deepen(*node, target);
  deepen(*node, node->arguments);
  return checked(node);
}

Status Parser::parse_arguments(Arguments& arguments) {
  const int line = current().line;
  TRY(expect_op("("));
  bool first = true;
  while (!current().is_op(")")) {
    if (!first) {
      TRY(expect_op(","));
      if (current().is_op(")")) break;
    }
    first = false;
    TRY(parse_argument(arguments, line));
  }
  return expect_op(")");
}

Status Parser::parse_argument(Arguments& arguments, int line) {
  const auto misplaced = [&] { return fail_at(line, "arguments are in the wrong order"); };
  if (skip_op("*")) {
    if (arguments.star || arguments.double_star) return misplaced();
    TRY_LET(arguments.star, parse_expression());
    return {};
  }
  if (skip_op("**")) {
    if (arguments.double_star) return misplaced();
    TRY_LET(arguments.double_star, parse_expression());
    return {};
  }
  if (current().is(TokenKind::kName) && look().is_op("=")) {
    if (arguments.double_star) return misplaced();
    TRY_LET(const std::string_view name, name_token());
    take();
    for (const auto& [other, value] : arguments.named)
      if (other == name) return invalid("line {}: argument '{}' is given twice", line, name);
    TRY_LET(const Expr* value, parse_expression());
    arguments.named.emplace_back(name, value);
    return {};
  }
  if (arguments.star || arguments.double_star || !arguments.named.empty()) return misplaced();
  TRY_LET(const Expr* value, parse_expression());
  arguments.positional.push_back(value);
  return {};
}

Result<std::string_view> Parser::parse_dotted_name() {
  TRY_LET(const std::string_view first, name_token());
  if (!current().is_op(".")) return first;
  std::string name(first);
  while (skip_op(".")) {
    TRY_LET(const std::string_view part, name_token());
    name += '.';
    name += part;
  }
  return ast_.keep(name);
}

void Parser::note_unknown(const FilterExpr& node) {
  if (!node.builtin && !in_if_) unknown_.push_back(&node);
}

Parser::ExprResult Parser::parse_filter(const Expr* target, bool start_inline) {
  while (start_inline || current().is_op("|")) {
    if (!start_inline) take();
    start_inline = false;
    auto* node = ast_.make<FilterExpr>(current().line, ExprKind::kFilter);
    node->target = target;
    TRY_LET(node->name, parse_dotted_name());
    node->builtin = find_filter(node->name);
    note_unknown(*node);
    if (current().is_op("(")) TRY(parse_arguments(node->arguments));
    deepen(*node, target);
    deepen(*node, node->arguments);
    TRY_LET(target, checked(node));
  }
  return target;
}

Parser::ExprResult Parser::parse_test(const Expr* target) {
  const int line = take().line;
  const bool negated = skip_name("not");
  auto* node = ast_.make<FilterExpr>(line, ExprKind::kTest);
  node->target = target;
  TRY_LET(node->name, parse_dotted_name());
  node->builtin = find_test(node->name);
  note_unknown(*node);
  const Token& next = current();
  const bool starts_value =
      next.is(TokenKind::kString) || next.is(TokenKind::kInteger) || next.is(TokenKind::kFloat) ||
      next.is_op("[") || next.is_op("{") ||
      (next.is(TokenKind::kName) && next.text != "else" && next.text != "or" && next.text != "and");
  if (next.is_op("(")) {
    TRY(parse_arguments(node->arguments));
  } else if (starts_value) {
    if (next.is_name("is")) return fail_at(line, "tests with 'is' can't be chained");
    const Nest nest(expr_nesting_);
    TRY(check_nesting(expr_nesting_));
    TRY_LET(const Expr* argument, parse_primary());
    TRY_LET(argument, parse_postfix(argument));
    node->arguments.positional.push_back(argument);
  }
  deepen(*node, target);
  deepen(*node, node->arguments);
  TRY_LET(const Expr* test, checked(node));
  if (!negated) return test;
  auto* inverse = ast_.make<UnaryExpr>(line, ExprKind::kNot, test);
  deepen(*inverse, test);
  return checked(inverse);
}

}  // namespace hearth::text::jinja

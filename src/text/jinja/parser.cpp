// SPDX-License-Identifier: MIT
#include "text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "text/jinja/builtin.h"
#include "text/jinja/parser_state.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {

bool Parser::skip_op(std::string_view op) {
  if (!current().is_op(op)) return false;
  take();
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  take();
  return true;
}

Failure Parser::fail_at(int line, std::string_view reason) const {
  return invalid("line {}: {}", line, reason);
}

Failure Parser::unexpected(std::string_view wanted) const {
  return invalid("line {}: expected {}, got {}", current().line, wanted, describe(current()));
}

Status Parser::expect_op(std::string_view op) {
  if (!skip_op(op)) return unexpected(fmt::format("'{}'", op));
  return {};
}

Status Parser::expect_name(std::string_view name) {
  if (!skip_name(name)) return unexpected(fmt::format("'{}'", name));
  return {};
}

Status Parser::expect(TokenKind kind, std::string_view what) {
  if (!current().is(kind)) return unexpected(what);
  take();
  return {};
}

Result<std::string_view> Parser::name_token() {
  if (!current().is(TokenKind::kName)) return unexpected("a name");
  return ast_.keep(take().text);
}

Status Parser::check_nesting(int depth) const {
  if (depth > kMaxNesting)
    return over_limit("line {}: nested more than {} deep", current().line, kMaxNesting);
  return {};
}

Status Parser::run() {
  TRY(parse_block(ast_.body, {}));
  if (!unknown_.empty()) {
    const FilterExpr& first = *unknown_.front();
    return invalid("line {}: there is no {} named '{}'", first.line,
                   first.kind == ExprKind::kTest ? "test" : "filter", first.name);
  }
  return {};
}

Status Parser::parse_body(Body& body, EndTags end_tags) {
  skip_op(":");
  TRY(expect(TokenKind::kBlockEnd, "'%}'"));
  return parse_block(body, end_tags);
}

Status Parser::parse_block(Body& body, EndTags end_tags) {
  const Nest nest(block_nesting_);
  TRY(check_nesting(block_nesting_));
  while (!current().is(TokenKind::kEnd)) {
    const int line = current().line;
    if (current().is(TokenKind::kData)) {
      body.push_back(ast_.make<TextStatement>(line, take().text));
    } else if (current().is(TokenKind::kPrintBegin)) {
      take();
      TRY_LET(const Expr* value, parse_tuple(true, false));
      TRY(expect(TokenKind::kPrintEnd, "'}}'"));
      body.push_back(ast_.make<PrintStatement>(line, value));
    } else {
      TRY(expect(TokenKind::kBlockBegin, "a tag"));
      if (std::any_of(end_tags.begin(), end_tags.end(),
                      [&](std::string_view tag) { return current().is_name(tag); }))
        return {};
      TRY_LET(const Statement* statement, parse_statement());
      TRY(expect(TokenKind::kBlockEnd, "'%}'"));
      body.push_back(statement);
    }
  }
  if (end_tags.size() != 0)
    return invalid("line {}: the template ends where '{}' was expected", current().line,
                   fmt::join(end_tags, "' or '"));
  return {};
}

Parser::StatementResult Parser::parse_statement() {
  const int line = current().line;
  if (!current().is(TokenKind::kName)) return unexpected("the name of a tag");
  const std::string_view tag = ast_.keep(take().text);
  if (tag == "if") return parse_if(line);
  if (tag == "for") return parse_for(line);
  if (tag == "set") return parse_set(line);
  if (tag == "macro") return parse_macro(line);
  if (tag == "call") return parse_call_block(line);
  if (tag == "filter") return parse_filter_block(line);
  return parse_other_statement(tag, line);
}

Parser::StatementResult Parser::parse_other_statement(std::string_view tag, int line) {
  if (tag == "with") return parse_with(line);
  if (tag == "print") return parse_print(line);
  if (tag == "generation") return parse_generation(line);
  if (tag == "block") return parse_block_tag(line);
  if (tag == "break") return parse_jump(StatementKind::kBreak, line);
  if (tag == "continue") return parse_jump(StatementKind::kContinue, line);
  if (tag == "include" || tag == "import" || tag == "from" || tag == "extends")
    return unsupported("line {}: '{}' is refused: a chat template stands alone", line, tag);
  if (tag == "autoescape")
    return unsupported("line {}: 'autoescape' is not supported: prompts are not HTML", line);
  return invalid("line {}: unknown tag '{}'", line, tag);
}

Parser::StatementResult Parser::parse_if(int line) {
  auto* node = ast_.make<IfStatement>(line);
  const Restore soft(in_if_, true);
  for (;;) {
    TRY_LET(const Expr* test, parse_tuple(false, false));
    node->branches.emplace_back(test, Body{});
    TRY(parse_body(node->branches.back().second, {"elif", "else", "endif"}));
    if (!current().is_name("elif")) break;
    take();
  }
  if (take().text == "else") {
    TRY(parse_body(node->otherwise, {"endif"}));
    take();
  }
  return node;
}

Parser::StatementResult Parser::parse_for(int line) {
  auto* node = ast_.make<ForStatement>(line);
  const Nest in_for(n_for_tags_);
  TRY_LET(node->target, parse_target(false));
  TRY(expect_name("in"));
  TRY_LET(node->iterable, parse_tuple(false, false, {"recursive"}));
  const Restore hard(in_if_, false);
  if (skip_name("if")) {
    TRY_LET(node->test, parse_expression());
  }
  node->recursive = skip_name("recursive");
  {
    const Nest in_loop(n_loops_);
    TRY(parse_body(node->body, {"endfor", "else"}));
  }
  if (take().text == "else") {
    TRY(parse_body(node->otherwise, {"endfor"}));
    take();
  }
  return node;
}

Result<Target> Parser::parse_single_target(bool with_namespace) {
  const Nest nest(expr_nesting_);
  TRY(check_nesting(expr_nesting_));
  if (skip_op("(")) {
    TRY_LET(Target inner, parse_target(with_namespace));
    TRY(expect_op(")"));
    return inner;
  }
  const int line = current().line;
  TRY_LET(const std::string_view name, name_token());
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"})
    if (name == constant) return invalid("line {}: can't assign to '{}'", line, name);
  Target target;
  target.spelling = name;
  target.name = ast_.name_id(name);
  if (with_namespace && skip_op(".")) {
    target.kind = Target::Kind::kAttribute;
    TRY_LET(target.attribute, name_token());
  } else if (name == "loop" && n_for_tags_ > 0) {
    return fail_at(line, "can't assign to the special variable 'loop' in a for");
  }
  return target;
}

Result<Target> Parser::parse_target(bool with_namespace) {
  TRY_LET(Target first, parse_single_target(with_namespace));
  if (!current().is_op(",")) return first;
  Target tuple;
  tuple.kind = Target::Kind::kTuple;
  tuple.parts.push_back(std::move(first));
  while (skip_op(",")) {
    if (!current().is(TokenKind::kName) && !current().is_op("(")) break;
    if (current().is_name("in")) break;
    TRY_LET(Target part, parse_single_target(with_namespace));
    tuple.parts.push_back(std::move(part));
  }
  return tuple;
}

Parser::StatementResult Parser::parse_set(int line) {
  TRY_LET(Target target, parse_target(true));
  if (skip_op("=")) {
    auto* node = ast_.make<SetStatement>(line);
    node->target = std::move(target);
    TRY_LET(node->value, parse_tuple(true, false));
    return node;
  }
  auto* node = ast_.make<SetBlockStatement>(line);
  node->target = std::move(target);
  const Restore hard(in_if_, false);
  if (current().is_op("|")) {
    TRY_LET(node->filter, parse_filter(nullptr, false));
  }
  TRY(parse_body(node->body, {"endset"}));
  take();
  return node;
}

Status Parser::parse_signature(MacroStatement& macro) {
  TRY(expect_op("("));
  while (!current().is_op(")")) {
    if (!macro.parameters.empty()) TRY(expect_op(","));
    const int line = current().line;
    TRY_LET(const std::string_view name, name_token());
    if (skip_op("=")) {
      TRY_LET(const Expr* value, parse_expression());
      macro.defaults.push_back(value);
    } else if (!macro.defaults.empty()) {
      return fail_at(line, "a parameter without a default follows one with a default");
    }
    for (const auto& [id, spelling] : macro.parameters)
      if (spelling == name) return invalid("line {}: parameter '{}' is given twice", line, name);
    macro.parameters.emplace_back(ast_.name_id(name), name);
  }
  return expect_op(")");
}

Status Parser::parse_macro_body(MacroStatement& macro, std::string_view end_tag) {
  const Restore hard(in_if_, false);
  const Restore no_loops(n_loops_, 0);
  macros_.push_back(&macro);
  const Status parsed = parse_body(macro.body, {end_tag});
  macros_.pop_back();
  TRY(parsed);
  take();
  const size_t n_without_default = macro.parameters.size() - macro.defaults.size();
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const std::string_view name = macro.parameters[i].second;
    if (name == "kwargs") macro.uses_kwargs = false;
    if (name == "varargs") macro.uses_varargs = false;
    if (name != "caller" || !macro.uses_caller) continue;
    if (i < n_without_default) return fail_at(macro.line, "the parameter 'caller' needs a default");
    macro.uses_caller = false;
  }
  return {};
}

Parser::StatementResult Parser::parse_macro(int line) {
  auto* node = ast_.make<MacroStatement>(line);
  TRY_LET(node->spelling, name_token());
  if (node->spelling == "loop" && n_for_tags_ > 0)
    return fail_at(line, "can't assign to the special variable 'loop' in a for");
  node->name = ast_.name_id(node->spelling);
  TRY(parse_signature(*node));
  TRY(parse_macro_body(*node, "endmacro"));
  return node;
}

Parser::StatementResult Parser::parse_call_block(int line) {
  auto* node = ast_.make<CallBlockStatement>(line);
  auto* caller = ast_.make<MacroStatement>(line);
  caller->spelling = "caller";
  if (current().is_op("(")) TRY(parse_signature(*caller));
  TRY_LET(const Expr* call, parse_expression());
  if (call->kind != ExprKind::kCall) return fail_at(line, "'call' needs a call, like name(...)");
  node->call = static_cast<const CallExpr*>(call);
  TRY(parse_macro_body(*caller, "endcall"));
  node->caller = caller;
  return node;
}

Parser::StatementResult Parser::parse_filter_block(int line) {
  auto* node = ast_.make<FilterBlockStatement>(line);
  const Restore hard(in_if_, false);
  TRY_LET(node->filter, parse_filter(nullptr, true));
  TRY(parse_body(node->body, {"endfilter"}));
  take();
  return node;
}

Parser::StatementResult Parser::parse_with(int line) {
  auto* node = ast_.make<WithStatement>(line);
  const Restore hard(in_if_, false);
  while (!current().is(TokenKind::kBlockEnd)) {
    if (!node->bindings.empty()) TRY(expect_op(","));
    TRY_LET(Target target, parse_single_target(false));
    TRY(expect_op("="));
    TRY_LET(const Expr* value, parse_expression());
    node->bindings.emplace_back(std::move(target), value);
  }
  TRY(parse_body(node->body, {"endwith"}));
  take();
  return node;
}

Parser::StatementResult Parser::parse_block_tag(int line) {
  auto* node = ast_.make<ScopeStatement>(line);
  node->at_root = true;
  TRY_LET(const std::string_view name, name_token());
  if (std::find(block_names_.begin(), block_names_.end(), name) != block_names_.end())
    return invalid("line {}: block '{}' is defined twice", line, name);
  block_names_.push_back(name);
  if (skip_name("scoped")) node->at_root = false;
  const Restore hard(in_if_, false);
  const Restore no_loops(n_loops_, 0);
  TRY(parse_body(node->body, {"endblock"}));
  take();
  skip_name(name);
  return node;
}

Parser::StatementResult Parser::parse_generation(int line) {
  auto* node = ast_.make<ScopeStatement>(line);
  const Restore hard(in_if_, false);
  const Restore no_loops(n_loops_, 0);
  TRY(parse_body(node->body, {"endgeneration"}));
  take();
  return node;
}

Parser::StatementResult Parser::parse_print(int line) {
  auto* node = ast_.make<ScopeStatement>(line);
  bool first = true;
  while (!current().is(TokenKind::kBlockEnd)) {
    if (!first) TRY(expect_op(","));
    first = false;
    TRY_LET(const Expr* value, parse_expression());
    node->body.push_back(ast_.make<PrintStatement>(line, value));
  }
  return node;
}

Parser::StatementResult Parser::parse_jump(StatementKind kind, int line) {
  if (n_loops_ == 0)
    return invalid("line {}: '{}' outside of a for", line,
                   kind == StatementKind::kBreak ? "break" : "continue");
  return ast_.make<JumpStatement>(line, kind);
}

Result<std::unique_ptr<Ast>> parse(std::string_view source) {
  if (source.size() > kMaxTemplateBytes)
    return over_limit("the template has {} bytes, at most {} are read", source.size(),
                      kMaxTemplateBytes);
  if (!is_valid_utf8(source)) return corrupt("the template is not UTF-8 text");
  TRY_LET(std::vector<Token> tokens, tokenize(source));
  auto ast = std::make_unique<Ast>(std::numeric_limits<size_t>::max());
  TRY(Parser(std::move(tokens), *ast).run());
  return ast;
}

}  // namespace hearth::text::jinja

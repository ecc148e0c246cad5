// SPDX-License-Identifier: MIT
// The statements of a template.
#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {

Interpreter::Interpreter(const Ast& ast, const Limits& limits, const std::tm& now)
    : ast_(ast), limits_(limits), now_(now), heap_(limits.max_heap_bytes) {
  globals_.resize(ast.n_names());
  for (uint32_t name = 0; name < ast.n_names(); ++name)
    if (const Builtin* builtin = find_global(ast.spelling(name)))
      globals_[name] = Value(heap_.object<Function>(*builtin));
  root_ = scope_ = &scopes_.emplace_back();
  root_->captured = true;
}

void Interpreter::define(std::string_view name, const Value& value) {
  if (const auto id = ast_.find_name(name)) globals_[*id] = value;
}

Result<std::string> Interpreter::run() {
  std::string text;
  out_ = &text;
  const auto done = exec(ast_.body);
  out_ = nullptr;
  if (!done) return Failure(within(fmt::format("line {}", line_), done.error()));
  return text;
}

Status Interpreter::step(uint64_t n) {
  n_steps_ += n;
  if (n_steps_ > limits_.max_steps)
    return over_limit("the template takes more than {} steps", limits_.max_steps);
  if (heap_.exceeded())
    return over_limit("the template makes more than {} MiB of values",
                      limits_.max_heap_bytes >> 20);
  return {};
}

Status Interpreter::reserve(size_t bytes) {
  if (heap_.too_much(bytes))
    return over_limit("the template makes more than {} MiB of values",
                      limits_.max_heap_bytes >> 20);
  return {};
}

Status Interpreter::write(std::string_view text) {
  n_written_ += text.size();
  if (n_written_ > limits_.max_output_bytes)
    return over_limit("the template writes more than {} bytes", limits_.max_output_bytes);
  out_->append(text);
  return {};
}

Status Interpreter::write(const Value& value) {
  if (value.is_str()) return write(value.text());
  TRY_LET(const std::string text, to_text(value));
  return write(text);
}

Interpreter::FlowResult Interpreter::exec(const Body& body) {
  const Level level(*this);
  TRY(level.check());
  for (const Statement* statement : body) {
    TRY_LET(const Flow flow, exec(*statement));
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::FlowResult Interpreter::exec(const Statement& statement) {
  line_ = statement.line;
  TRY(step());
  switch (statement.kind) {
    case StatementKind::kText:
      TRY(write(static_cast<const TextStatement&>(statement).text));
      return Flow::kNormal;
    case StatementKind::kPrint: {
      TRY_LET(const Value value, eval(*static_cast<const PrintStatement&>(statement).value));
      TRY(write(value));
      return Flow::kNormal;
    }
    case StatementKind::kIf:
      return exec_if(static_cast<const IfStatement&>(statement));
    case StatementKind::kFor:
      return exec_for(static_cast<const ForStatement&>(statement));
    case StatementKind::kSet:
      TRY(exec_set(static_cast<const SetStatement&>(statement)));
      return Flow::kNormal;
    case StatementKind::kSetBlock:
      return exec_set_block(static_cast<const SetBlockStatement&>(statement));
    case StatementKind::kMacro: {
      const auto& definition = static_cast<const MacroStatement&>(statement);
      scope_->set(definition.name, Value(make_macro(definition)));
      return Flow::kNormal;
    }
    case StatementKind::kCallBlock:
      TRY(exec_call_block(static_cast<const CallBlockStatement&>(statement)));
      return Flow::kNormal;
    case StatementKind::kFilterBlock:
      return exec_filter_block(static_cast<const FilterBlockStatement&>(statement));
    case StatementKind::kWith:
      return exec_with(static_cast<const WithStatement&>(statement));
    case StatementKind::kScope:
      return exec_scope(static_cast<const ScopeStatement&>(statement));
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

Interpreter::FlowResult Interpreter::exec_if(const IfStatement& statement) {
  for (const auto& [test, body] : statement.branches) {
    TRY_LET(const Value value, eval(*test));
    if (truthy(value)) return exec(body);
  }
  return exec(statement.otherwise);
}

Interpreter::FlowResult Interpreter::exec_for(const ForStatement& statement) {
  TRY_LET(const Value iterable, eval(*statement.iterable));
  return run_loop(statement, iterable, 0);
}

Status Interpreter::prepare_loop(const ForStatement& statement, Loop& loop, int depth0) {
  loop.depth0 = depth0;
  Scope* const around = scope_;
  if (statement.test) {
    loop.keep = [&statement, around](Interpreter& in, const Value& item) -> Result<bool> {
      ScopeFrame frame(in, around);
      TRY(in.assign(statement.target, item));
      TRY_LET(const Value kept, in.eval(*statement.test));
      return truthy(kept);
    };
  }
  if (statement.recursive) {
    capture_scope();
    loop.recurse = [&statement, around](Interpreter& in, const Value& items,
                                        int depth) -> Result<Value> {
      Scope* const before = in.scope_;
      Capture capture(in);
      in.scope_ = around;
      const auto done = in.run_loop(statement, items, depth);
      in.scope_ = before;
      if (!done) return Failure(done.error());
      return in.heap_.str(std::move(capture.text));
    };
  }
  return {};
}

Interpreter::FlowResult Interpreter::run_loop(const ForStatement& statement, const Value& iterable,
                                              int depth0) {
  TRY_LET(Cursor source, Cursor::over(iterable));
  Loop* loop = heap_.object<Loop>(std::move(source));
  TRY(prepare_loop(statement, *loop, depth0));
  bool any = false;
  TRY(run_iterations(statement, *loop, any));
  if (any || statement.otherwise.empty()) return Flow::kNormal;
  ScopeFrame frame(*this, scope_);
  return exec(statement.otherwise);
}

// Leaves `any` false where not one iteration ran to its end, which is when `else` runs.
Status Interpreter::run_iterations(const ForStatement& statement, Loop& loop, bool& any) {
  const auto loop_name = ast_.find_name("loop");
  for (;;) {
    TRY_LET(const bool more, loop.advance(*this));
    if (!more) return {};
    ScopeFrame frame(*this, scope_);
    if (loop_name) frame.scope().set(*loop_name, Value(&loop));
    TRY(assign(statement.target, *loop.current));
    TRY_LET(const Flow flow, exec(statement.body));
    if (flow == Flow::kBreak) return {};
    if (flow == Flow::kNormal) any = true;
  }
}

void Interpreter::capture_scope() {
  for (Scope* scope = scope_; scope && !scope->captured; scope = scope->parent)
    scope->captured = true;
}

Macro* Interpreter::make_macro(const MacroStatement& definition) {
  capture_scope();
  return heap_.object<Macro>(definition, scope_);
}

Status Interpreter::check_namespaces(const Target& target) {
  for (const Target& part : target.parts) TRY(check_namespaces(part));
  if (target.kind != Target::Kind::kAttribute) return {};
  const NameExpr name(target.name, target.spelling);
  TRY_LET(const Value owner, eval_name(name));
  if (as_namespace(owner)) return {};
  return invalid("can't assign to '{}.{}': '{}' is not a namespace", target.spelling,
                 target.attribute, target.spelling);
}

Status Interpreter::assign(const Target& target, const Value& value) {
  if (target.kind == Target::Kind::kName) {
    scope_->set(target.name, value);
    return {};
  }
  if (target.kind == Target::Kind::kAttribute) {
    const NameExpr name(target.name, target.spelling);
    TRY_LET(const Value owner, eval_name(name));
    Namespace* space = as_namespace(owner);
    if (!space)
      return invalid("can't assign to '{}.{}': '{}' is not a namespace", target.spelling,
                     target.attribute, target.spelling);
    if (target.attribute.starts_with('_'))
      return invalid("a namespace takes no name that begins with an underscore: '{}'",
                     target.attribute);
    space->attributes.set(heap_.str(target.attribute), value);
    return {};
  }
  TRY_LET(const std::vector<Value> items, collect(value));
  if (items.size() != target.parts.size())
    return invalid("can't unpack {} values into {} names", items.size(), target.parts.size());
  for (size_t i = 0; i < items.size(); ++i) TRY(assign(target.parts[i], items[i]));
  return {};
}

Status Interpreter::exec_set(const SetStatement& statement) {
  TRY(check_namespaces(statement.target));
  TRY_LET(const Value value, eval(*statement.value));
  return assign(statement.target, value);
}

Interpreter::FlowResult Interpreter::exec_set_block(const SetBlockStatement& statement) {
  Value value;
  {
    Capture capture(*this);
    ScopeFrame frame(*this, scope_);
    TRY_LET(const Flow flow, exec(statement.body));
    if (flow != Flow::kNormal) return flow;
    value = heap_.str(std::move(capture.text));
    if (statement.filter) {
      TRY_LET(value, eval_filter(static_cast<const FilterExpr&>(*statement.filter), &value));
    }
  }
  TRY(assign(statement.target, value));
  return Flow::kNormal;
}

Interpreter::FlowResult Interpreter::exec_filter_block(const FilterBlockStatement& statement) {
  Value value;
  {
    Capture capture(*this);
    ScopeFrame frame(*this, scope_);
    TRY_LET(const Flow flow, exec(statement.body));
    if (flow != Flow::kNormal) return flow;
    value = heap_.str(std::move(capture.text));
    TRY_LET(value, eval_filter(static_cast<const FilterExpr&>(*statement.filter), &value));
  }
  TRY(write(value));
  return Flow::kNormal;
}

Status Interpreter::exec_call_block(const CallBlockStatement& statement) {
  const Value caller(make_macro(*statement.caller));
  TRY_LET(const Value value, eval_call(*statement.call, &caller));
  return write(value);
}

Interpreter::FlowResult Interpreter::exec_with(const WithStatement& statement) {
  std::vector<Value> values;
  for (const auto& [target, expr] : statement.bindings) {
    TRY_LET(const Value value, eval(*expr));
    values.push_back(value);
  }
  ScopeFrame frame(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) TRY(assign(statement.bindings[i].first, values[i]));
  return exec(statement.body);
}

Interpreter::FlowResult Interpreter::exec_scope(const ScopeStatement& statement) {
  ScopeFrame frame(*this, statement.at_root ? root_ : scope_);
  return exec(statement.body);
}

}  // namespace hearth::text::jinja

// SPDX-License-Identifier: MIT
// Calls: binding of arguments, macros with their special variables, built-in functions.
#include <algorithm>

#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {
namespace {

// Takes the named argument out of the list.
std::optional<Value> take_named(CallArgs& args, std::string_view name) {
  const auto it = std::find_if(args.named.begin(), args.named.end(),
                               [&](const auto& entry) { return entry.first == name; });
  if (it == args.named.end()) return std::nullopt;
  const Value value = it->second;
  args.named.erase(it);
  return value;
}

}  // namespace

Result<Bound> bind(const Builtin& builtin, CallArgs args) {
  Bound bound;
  if (builtin.passing == Passing::kAnything) {
    bound.all = std::move(args);
    return bound;
  }
  size_t n_parameters = 0;
  while (n_parameters < builtin.parameters.size() && !builtin.parameters[n_parameters].empty())
    ++n_parameters;
  if (args.positional.size() > n_parameters)
    return invalid("{} takes at most {} arguments, {} are given", builtin.name, n_parameters,
                   args.positional.size());
  for (size_t i = 0; i < args.positional.size(); ++i) bound.set(i, args.positional[i]);
  for (const auto& [name, value] : args.named) {
    const auto end = builtin.parameters.begin() + n_parameters;
    const auto it = std::find(builtin.parameters.begin(), end, name);
    if (it == end || builtin.passing == Passing::kByPlace)
      return invalid("{} takes no argument named '{}'", builtin.name, name);
    const size_t i = it - builtin.parameters.begin();
    if (bound.has(i)) return invalid("{}: argument '{}' is given twice", builtin.name, name);
    bound.set(i, value);
  }
  for (size_t i = 0; i < builtin.n_required; ++i)
    if (!bound.has(i))
      return invalid("{} needs its argument '{}'", builtin.name, builtin.parameters[i]);
  return bound;
}

Result<Value> Interpreter::call_builtin(const Builtin& builtin, CallArgs args) {
  TRY_LET(const Bound bound, bind(builtin, std::move(args)));
  return builtin.call(*this, bound);
}

Status Interpreter::eval_arguments(const Arguments& arguments, CallArgs& args) {
  for (const Expr* expr : arguments.positional) {
    TRY_LET(const Value value, eval(*expr));
    args.positional.push_back(value);
  }
  for (const auto& [name, expr] : arguments.named) {
    TRY_LET(const Value value, eval(*expr));
    args.named.emplace_back(name, value);
  }
  if (arguments.star) {
    TRY_LET(const Value values, eval(*arguments.star));
    TRY_LET(const std::vector<Value> items, collect(values));
    args.positional.insert(args.positional.end(), items.begin(), items.end());
  }
  if (!arguments.double_star) return {};
  TRY_LET(const Value values, eval(*arguments.double_star));
  if (!values.is_dict()) return invalid("the argument after ** must be a dict");
  for (const auto& [key, value] : values.dict().entries) {
    if (!key.is_str()) return invalid("the names of arguments must be text");
    for (const auto& [name, other] : args.named)
      if (name == key.text()) return invalid("argument '{}' is given twice", name);
    args.named.emplace_back(key.text(), value);
  }
  return {};
}

Result<Value> Interpreter::eval_call(const CallExpr& expr, const Value* caller) {
  CallArgs args;
  Value callee;
  const Builtin* method = nullptr;
  if (expr.target->kind == ExprKind::kAttribute) {
    // the common case value.method(...), without making a method object
    const auto& node = static_cast<const AttributeExpr&>(*expr.target);
    TRY_LET(const Value self, eval(*node.target));
    method = find_method(self, node.name);
    if (method) {
      args.positional.push_back(self);
    } else {
      TRY_LET(callee, attribute(self, node.name));
    }
  } else {
    TRY_LET(callee, eval(*expr.target));
  }
  TRY(eval_arguments(expr.arguments, args));
  if (caller) {
    for (const auto& [name, value] : args.named)
      if (name == "caller") return invalid("argument 'caller' is given twice");
    args.named.emplace_back("caller", *caller);
  }
  line_ = expr.line;
  return method ? call_builtin(*method, std::move(args)) : call(callee, std::move(args));
}

Result<Value> Interpreter::call(const Value& callee, CallArgs args) {
  TRY(step());
  if (callee.is_undefined()) return invalid("{}", callee.undefined().reason);
  if (!callee.is_object()) return invalid("'{}' object is not callable", type_name(callee));
  Object& object = callee.object();
  switch (object.kind) {
    case ObjectKind::kFunction:
      return call_builtin(static_cast<Function&>(object).builtin, std::move(args));
    case ObjectKind::kMethod: {
      const auto& method = static_cast<Method&>(object);
      args.positional.insert(args.positional.begin(), method.self);
      return call_builtin(method.builtin, std::move(args));
    }
    case ObjectKind::kMacro:
      return call_macro(static_cast<Macro&>(object), std::move(args));
    case ObjectKind::kJoiner: {
      auto& joiner = static_cast<Joiner&>(object);
      if (!args.positional.empty() || !args.named.empty())
        return invalid("a joiner takes no arguments");
      return std::exchange(joiner.used, true) ? joiner.separator : heap_.str("");
    }
    case ObjectKind::kLoop: {
      auto& loop = static_cast<Loop&>(object);
      if (!loop.recurse) return invalid("only a recursive for can be called");
      if (args.positional.size() != 1 || !args.named.empty())
        return invalid("loop(...) takes one iterable");
      if (call_depth_ >= limits_.max_call_depth)
        return over_limit("calls are nested more than {} deep", limits_.max_call_depth);
      ++call_depth_;
      auto result = loop.recurse(*this, args.positional[0], loop.depth0 + 1);
      --call_depth_;
      return result;
    }
    default:
      return invalid("'{}' object is not callable", type_name(callee));
  }
}

// Binds caller, kwargs and varargs after the macro's own parameters are bound.
Status Interpreter::bind_special(const Macro& macro, CallArgs& args, bool found_caller,
                                 Scope& scope) {
  const MacroStatement& def = macro.definition;
  if (def.uses_caller && !found_caller) {
    auto caller = take_named(args, "caller");
    if (!caller || caller->is_none()) caller = heap_.undefined("no caller is defined");
    scope.set(*ast_.find_name("caller"), *caller);
  }
  if (def.uses_kwargs) {
    Dict rest;
    for (const auto& [name, value] : args.named) rest.set(heap_.str(name), value);
    scope.set(*ast_.find_name("kwargs"), heap_.dict(std::move(rest)));
  } else if (!args.named.empty()) {
    return invalid("macro '{}' takes no argument named '{}'", def.spelling, args.named[0].first);
  }
  const size_t n_taken = std::min(def.parameters.size(), args.positional.size());
  if (def.uses_varargs) {
    std::vector<Value> rest(args.positional.begin() + n_taken, args.positional.end());
    scope.set(*ast_.find_name("varargs"), heap_.tuple(std::move(rest)));
  } else if (args.positional.size() > n_taken) {
    return invalid("macro '{}' takes at most {} arguments", def.spelling, def.parameters.size());
  }
  return {};
}

Status Interpreter::bind_macro(const Macro& macro, CallArgs& args, Scope& scope) {
  const MacroStatement& def = macro.definition;
  std::vector<std::optional<Value>> values;
  bool found_caller = false;
  for (size_t i = 0; i < def.parameters.size(); ++i) {
    const std::string_view name = def.parameters[i].second;
    if (name == "caller") found_caller = true;
    values.push_back(i < args.positional.size() ? std::optional(args.positional[i])
                                                : take_named(args, name));
  }
  TRY(bind_special(macro, args, found_caller, scope));
  const size_t n_plain = def.parameters.size() - def.defaults.size();
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i]) scope.set(def.parameters[i].first, *values[i]);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i]) continue;
    const auto& [id, name] = def.parameters[i];
    if (i < n_plain) {
      scope.set(id, heap_.undefined(fmt::format("parameter '{}' was not provided", name)));
    } else {
      TRY_LET(const Value value, eval(*def.defaults[i - n_plain]));
      scope.set(id, value);
    }
  }
  return {};
}

Result<Value> Interpreter::call_macro(const Macro& macro, CallArgs args) {
  if (call_depth_ >= limits_.max_call_depth)
    return over_limit("calls are nested more than {} deep", limits_.max_call_depth);
  ++call_depth_;
  Capture capture(*this);
  ScopeFrame frame(*this, macro.closure);
  const auto run = [&]() -> Status {
    TRY(bind_macro(macro, args, frame.scope()));
    TRY(exec(macro.definition.body));
    return {};
  };
  const Status done = run();
  --call_depth_;
  TRY(done);
  return heap_.str(std::move(capture.text));
}

Result<Value> Interpreter::apply_filter(const Value& name, const Value& value, CallArgs args) {
  const Builtin* builtin = name.is_str() ? find_filter(name.text()) : nullptr;
  if (!builtin) {
    TRY_LET(const std::string wanted, to_text(name));
    return invalid("there is no filter named '{}'", wanted);
  }
  args.positional.insert(args.positional.begin(), value);
  return call_builtin(*builtin, std::move(args));
}

Result<bool> Interpreter::apply_test(const Value& name, const Value& value, CallArgs args) {
  const Builtin* builtin = name.is_str() ? find_test(name.text()) : nullptr;
  if (!builtin) {
    TRY_LET(const std::string wanted, to_text(name));
    return invalid("there is no test named '{}'", wanted);
  }
  args.positional.insert(args.positional.begin(), value);
  TRY_LET(const Value result, call_builtin(*builtin, std::move(args)));
  return truthy(result);
}

}  // namespace hearth::text::jinja

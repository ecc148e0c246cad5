// SPDX-License-Identifier: MIT
// Runs a syntax tree. In: an Ast, variables, limits and the time. Out: the text. Nothing outside
// can be reached: no files, no clock of its own, no host objects. Every loop, call and comparison
// counts a step; output, memory and depth are bounded, so any template ends, in bounded space.
// Scoping follows jinja2: for, macro, call, filter, with and set blocks open a scope; if does not.
#pragma once
#include <cstdint>
#include <ctime>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/builtin.h"
#include "text/jinja/object.h"
#include "text/jinja/value.h"

namespace hearth::text::jinja {

struct Limits {
  uint64_t max_steps = 1'000'000;
  size_t max_output_bytes = 32u << 20;  // written anywhere, captured text included
  size_t max_heap_bytes = 64u << 20;    // values made while rendering
  int max_call_depth = 64;              // macros and recursive loops
  int max_depth = 1000;  // statements and expressions within each other, run together
};

// Variables of one name scope. Looked up by the tree's name numbers; few enough to search.
struct Scope {
  Scope* parent = nullptr;
  bool captured = false;  // a macro refers to it, so it can't be used again
  std::vector<std::pair<uint32_t, Value>> variables;

  const Value* find(uint32_t name) const {
    for (const auto& [id, value] : variables)
      if (id == name) return &value;
    return nullptr;
  }
  void set(uint32_t name, const Value& value) {
    for (auto& [id, place] : variables)
      if (id == name) {
        place = value;
        return;
      }
    variables.emplace_back(name, value);
  }
};

class Interpreter {
 public:
  Interpreter(const Ast& ast, const Limits& limits, const std::tm& now);

  Heap& heap() { return heap_; }
  void define(std::string_view name, const Value& value);
  // Once. Errors name the line and the reason.
  Result<std::string> run();

  // -- for the built-in functions
  const std::tm& now() const { return now_; }
  Status step(uint64_t n = 1);
  Status reserve(size_t bytes);  // before something large is made
  Result<Value> attribute(const Value& target, std::string_view name);
  Result<Value> item(const Value& target, const Value& index);
  Result<Value> call(const Value& callee, CallArgs args);
  Result<Value> apply_filter(const Value& name, const Value& value, CallArgs args);
  Result<bool> apply_test(const Value& name, const Value& value, CallArgs args);
  Result<std::vector<Value>> collect(const Value& iterable);
  Result<Value> add(const Value& a, const Value& b);
  Result<bool> same(const Value& a, const Value& b);  // Python's ==
  Result<bool> in_order(Order order, const Value& a, const Value& b);
  Result<bool> contains(const Value& container, const Value& item);
  Result<std::string> to_text(const Value& value);  // Python's str()
  Result<Value> to_str(const Value& value);         // the same as a value; text stays as it is

 private:
  enum class Flow { kNormal, kBreak, kContinue };
  using FlowResult = Result<Flow>;
  class Level;       // counts recursion while it lives
  class ScopeFrame;  // opens a scope while it lives
  class Capture;     // collects output while it lives

  // -- statements (exec.cpp)
  FlowResult exec(const Body& body);
  FlowResult exec(const Statement& statement);
  FlowResult exec_if(const IfStatement& statement);
  FlowResult exec_for(const ForStatement& statement);
  FlowResult run_loop(const ForStatement& statement, const Value& iterable, int depth0);
  Status run_iterations(const ForStatement& statement, Loop& loop, bool& any);
  FlowResult exec_set_block(const SetBlockStatement& statement);
  FlowResult exec_filter_block(const FilterBlockStatement& statement);
  FlowResult exec_with(const WithStatement& statement);
  FlowResult exec_scope(const ScopeStatement& statement);
  Status exec_set(const SetStatement& statement);
  Status exec_call_block(const CallBlockStatement& statement);
  Status prepare_loop(const ForStatement& statement, Loop& loop, int depth0);
  void capture_scope();
  Macro* make_macro(const MacroStatement& definition);
  Status assign(const Target& target, const Value& value);
  Status check_namespaces(const Target& target);
  Status write(std::string_view text);
  Status write(const Value& value);

  // -- expressions (eval.cpp)
  Result<Value> eval(const Expr& expr);
  Result<Value> eval_other(const Expr& expr);
  Result<Value> eval_name(const NameExpr& expr);
  Result<Value> eval_list(const ListExpr& expr);
  Result<Value> eval_dict(const DictExpr& expr);
  Result<Value> eval_item(const ItemExpr& expr);
  Result<Value> eval_slice(const Value& target, const SliceExpr& slice);
  Result<Value> eval_filter(const FilterExpr& expr, const Value* input);
  Result<Value> eval_test(const FilterExpr& expr);
  Result<Value> eval_unary(const UnaryExpr& expr);
  Result<Value> eval_binary(const BinaryExpr& expr);
  Result<Value> eval_logic(const BinaryExpr& expr);
  Result<Value> eval_concat(const ConcatExpr& expr);
  Result<Value> eval_compare(const CompareExpr& expr);
  Result<Value> eval_cond(const CondExpr& expr);
  Result<bool> compare(CompareOp op, const Value& a, const Value& b);
  Result<std::optional<int64_t>> slice_bound(const Expr* expr);

  // -- calls (call.cpp)
  Result<Value> eval_call(const CallExpr& expr, const Value* caller);
  Status eval_arguments(const Arguments& arguments, CallArgs& args);
  Result<Value> call_macro(const Macro& macro, CallArgs args);
  Status bind_macro(const Macro& macro, CallArgs& args, Scope& scope);
  Status bind_special(const Macro& macro, CallArgs& args, bool found_caller, Scope& scope);
  Result<Value> call_builtin(const Builtin& builtin, CallArgs args);

  // -- operators (operators.cpp)
  Result<Value> binary(BinaryOp op, const Value& a, const Value& b);
  Result<Value> multiply(const Value& a, const Value& b);
  Result<Value> repeat(const Value& sequence, int64_t n_times);

  // -- attributes (access.cpp)
  Result<Value> object_attribute(const Value& target, std::string_view name);
  Result<Value> loop_attribute(Loop& loop, std::string_view name);
  Value no_attribute(const Value& target, std::string_view name);
  Result<Value> slice(const Value& target, std::optional<int64_t> start,
                      std::optional<int64_t> stop, std::optional<int64_t> step);

  const Ast& ast_;
  const Limits limits_;
  const std::tm now_;
  Heap heap_;
  std::vector<std::optional<Value>> globals_;  // by name number: variables, then global functions
  std::deque<Scope> scopes_;                   // stable places
  std::vector<Scope*> free_scopes_;
  Scope* root_ = nullptr;
  Scope* scope_ = nullptr;
  std::string* out_ = nullptr;
  size_t n_written_ = 0;
  uint64_t n_steps_ = 0;
  int depth_ = 0;
  int call_depth_ = 0;
  int line_ = 1;  // of what runs; after an error, of what failed
};

class Interpreter::Level {
 public:
  explicit Level(Interpreter& in) : in_(in) { ++in_.depth_; }
  ~Level() { --in_.depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  Status check() const {
    if (in_.depth_ <= in_.limits_.max_depth) return {};
    return over_limit("nested more than {} deep while it runs", in_.limits_.max_depth);
  }

 private:
  Interpreter& in_;
};

class Interpreter::ScopeFrame {
 public:
  ScopeFrame(Interpreter& in, Scope* parent) : in_(in), before_(in.scope_) {
    if (in_.free_scopes_.empty()) {
      in_.heap_.charge(sizeof(Scope));
      made_ = &in_.scopes_.emplace_back();
    } else {
      made_ = in_.free_scopes_.back();
      in_.free_scopes_.pop_back();
    }
    made_->parent = parent;
    in_.scope_ = made_;
  }
  ~ScopeFrame() {
    in_.scope_ = before_;
    if (made_->captured) return;
    made_->variables.clear();
    in_.free_scopes_.push_back(made_);
  }
  ScopeFrame(const ScopeFrame&) = delete;
  ScopeFrame& operator=(const ScopeFrame&) = delete;
  Scope& scope() { return *made_; }

 private:
  Interpreter& in_;
  Scope* before_;
  Scope* made_;
};

class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& in) : in_(in), before_(in.out_) { in_.out_ = &text; }
  ~Capture() { in_.out_ = before_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  std::string text;

 private:
  Interpreter& in_;
  std::string* before_;
};

}  // namespace hearth::text::jinja

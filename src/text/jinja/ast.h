// SPDX-License-Identifier: MIT
// The syntax tree of a template. Nodes are owned by one Ast in a flat list and point at each other
// plainly, so that a tree of any shape is freed without recursion. Names are numbered once.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

struct Builtin;

struct Node {
  virtual ~Node() = default;
  int line = 0;
};

enum class ExprKind : uint8_t {
  kConst,
  kName,
  kList,
  kTuple,
  kDict,
  kAttribute,
  kItem,
  kSlice,
  kCall,
  kFilter,
  kTest,
  kNot,
  kNegative,
  kPositive,
  kBinary,
  kAnd,
  kOr,
  kConcat,
  kCompare,
  kCond,
};

struct Expr : Node {
  explicit Expr(ExprKind its_kind) : kind(its_kind) {}
  const ExprKind kind;
  int depth = 1;  // of the tree below, which evaluation recurses into; bounded by the parser
};

struct ConstExpr final : Expr {
  explicit ConstExpr(const Value& its_value) : Expr(ExprKind::kConst), value(its_value) {}
  Value value;
};

struct NameExpr final : Expr {
  NameExpr(uint32_t its_name, std::string_view its_spelling)
      : Expr(ExprKind::kName), name(its_name), spelling(its_spelling) {}
  uint32_t name;
  std::string_view spelling;  // owned by the Ast
};

struct ListExpr final : Expr {  // also tuples
  explicit ListExpr(ExprKind its_kind) : Expr(its_kind) {}
  std::vector<const Expr*> items;
};

struct DictExpr final : Expr {
  DictExpr() : Expr(ExprKind::kDict) {}
  std::vector<std::pair<const Expr*, const Expr*>> entries;
};

struct AttributeExpr final : Expr {
  AttributeExpr(const Expr* its_target, std::string_view its_name)
      : Expr(ExprKind::kAttribute), target(its_target), name(its_name) {}
  const Expr* target;
  std::string_view name;  // owned by the Ast
};

struct ItemExpr final : Expr {
  ItemExpr(const Expr* its_target, const Expr* its_index)
      : Expr(ExprKind::kItem), target(its_target), index(its_index) {}
  const Expr* target;
  const Expr* index;  // may be a SliceExpr
};

struct SliceExpr final : Expr {
  SliceExpr() : Expr(ExprKind::kSlice) {}
  const Expr* start = nullptr;
  const Expr* stop = nullptr;
  const Expr* step = nullptr;
};

struct Arguments {
  std::vector<const Expr*> positional;
  std::vector<std::pair<std::string_view, const Expr*>> named;
  const Expr* star = nullptr;         // *args
  const Expr* double_star = nullptr;  // **kwargs
};

struct CallExpr final : Expr {
  CallExpr() : Expr(ExprKind::kCall) {}
  const Expr* target = nullptr;
  Arguments arguments;
};

struct FilterExpr final : Expr {  // also tests
  explicit FilterExpr(ExprKind its_kind) : Expr(its_kind) {}
  const Expr* target = nullptr;  // nullptr: the text of a filter or set block
  std::string_view name;
  const Builtin* builtin = nullptr;  // nullptr: no such filter, an error only when it is reached
  Arguments arguments;
};

struct UnaryExpr final : Expr {
  UnaryExpr(ExprKind its_kind, const Expr* its_operand) : Expr(its_kind), operand(its_operand) {}
  const Expr* operand;
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower
};

struct BinaryExpr final : Expr {  // also `and`, `or`
  BinaryExpr(ExprKind its_kind, BinaryOp its_op, const Expr* its_left, const Expr* its_right)
      : Expr(its_kind), op(its_op), left(its_left), right(its_right) {}
  BinaryOp op;
  const Expr* left;
  const Expr* right;
};

struct ConcatExpr final : Expr {
  ConcatExpr() : Expr(ExprKind::kConcat) {}
  std::vector<const Expr*> parts;
};

enum class CompareOp : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct CompareExpr final : Expr {
  CompareExpr() : Expr(ExprKind::kCompare) {}
  const Expr* first = nullptr;
  std::vector<std::pair<CompareOp, const Expr*>> rest;
};

struct CondExpr final : Expr {
  CondExpr() : Expr(ExprKind::kCond) {}
  const Expr* test = nullptr;
  const Expr* yes = nullptr;
  const Expr* no = nullptr;  // nullptr: undefined
};

enum class StatementKind : uint8_t {
  kText,
  kPrint,
  kIf,
  kFor,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kFilterBlock,
  kWith,
  kScope,  // generation and block
  kBreak,
  kContinue,
};

struct Statement : Node {
  explicit Statement(StatementKind its_kind) : kind(its_kind) {}
  const StatementKind kind;
};
using Body = std::vector<const Statement*>;

struct TextStatement final : Statement {
  explicit TextStatement(std::string its_text)
      : Statement(StatementKind::kText), text(std::move(its_text)) {}
  std::string text;
};

struct PrintStatement final : Statement {
  explicit PrintStatement(const Expr* its_value)
      : Statement(StatementKind::kPrint), value(its_value) {}
  const Expr* value;
};

struct IfStatement final : Statement {
  IfStatement() : Statement(StatementKind::kIf) {}
  std::vector<std::pair<const Expr*, Body>> branches;
  Body otherwise;
};

// What `set`, `for` and `with` assign to.
struct Target {
  enum class Kind { kName, kAttribute, kTuple } kind = Kind::kName;
  uint32_t name = 0;           // kName; for kAttribute the namespace
  std::string_view spelling;   // of name
  std::string_view attribute;  // kAttribute
  std::vector<Target> parts;   // kTuple
};

struct ForStatement final : Statement {
  ForStatement() : Statement(StatementKind::kFor) {}
  Target target;
  const Expr* iterable = nullptr;
  const Expr* test = nullptr;
  bool recursive = false;
  Body body, otherwise;
};

struct SetStatement final : Statement {
  SetStatement() : Statement(StatementKind::kSet) {}
  Target target;
  const Expr* value = nullptr;
};

struct SetBlockStatement final : Statement {
  SetBlockStatement() : Statement(StatementKind::kSetBlock) {}
  Target target;
  const Expr* filter = nullptr;  // a chain of FilterExpr with a nullptr target at its root
  Body body;
};

struct MacroStatement final : Statement {  // also the body of a call block
  MacroStatement() : Statement(StatementKind::kMacro) {}
  uint32_t name = 0;
  std::string_view spelling;
  std::vector<std::pair<uint32_t, std::string_view>> parameters;
  std::vector<const Expr*> defaults;  // of the last parameters
  Body body;
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
};

struct CallBlockStatement final : Statement {
  CallBlockStatement() : Statement(StatementKind::kCallBlock) {}
  const CallExpr* call = nullptr;
  const MacroStatement* caller = nullptr;
};

struct FilterBlockStatement final : Statement {
  FilterBlockStatement() : Statement(StatementKind::kFilterBlock) {}
  const Expr* filter = nullptr;
  Body body;
};

struct WithStatement final : Statement {
  WithStatement() : Statement(StatementKind::kWith) {}
  std::vector<std::pair<Target, const Expr*>> bindings;
  Body body;
};

struct ScopeStatement final : Statement {
  ScopeStatement() : Statement(StatementKind::kScope) {}
  bool at_root = false;  // a block sees the template's own variables, not those of loops around it
  Body body;
};

struct JumpStatement final : Statement {
  explicit JumpStatement(StatementKind its_kind) : Statement(its_kind) {}
};

// Owns the tree and the text that its nodes refer to.
class Ast {
 public:
  explicit Ast(size_t max_constant_bytes) : constants(max_constant_bytes) {}

  template <class T, class... Args>
  T* make(int line, Args&&... args) {
    auto node = std::make_unique<T>(std::forward<Args>(args)...);
    node->line = line;
    T* raw = node.get();
    nodes_.push_back(std::move(node));
    return raw;
  }

  uint32_t name_id(std::string_view name) {
    const auto it = ids_.find(std::string(name));
    if (it != ids_.end()) return it->second;
    const auto id = static_cast<uint32_t>(names_.size());
    names_.push_back(&ids_.emplace(std::string(name), id).first->first);
    return id;
  }
  std::string_view spelling(uint32_t name) const { return *names_[name]; }
  std::optional<uint32_t> find_name(std::string_view name) const {
    const auto it = ids_.find(std::string(name));
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
  }
  // A copy of the name that lives as long as the tree.
  std::string_view keep(std::string_view name) { return spelling(name_id(name)); }
  size_t n_names() const { return names_.size(); }

  Body body;
  Heap constants;

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::vector<const std::string*> names_;
};

}  // namespace hearth::text::jinja

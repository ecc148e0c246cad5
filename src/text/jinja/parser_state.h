// SPDX-License-Identifier: MIT
// The recursive-descent parser, shared by parser.cpp (statements) and parser_expr.cpp
// (expressions). Grammar and precedence follow jinja2 3.1.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace hearth::text::jinja {

class Parser {
 public:
  Parser(std::vector<Token> tokens, Ast& ast) : tokens_(std::move(tokens)), ast_(ast) {}
  Status run();

 private:
  using ExprResult = Result<const Expr*>;
  using StatementResult = Result<const Statement*>;

  // Counts nesting while it lives.
  class Nest {
   public:
    explicit Nest(int& depth) : depth_(depth) { ++depth_; }
    ~Nest() { --depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    int& depth_;
  };
  // Sets a flag and puts it back.
  template <class T>
  class Restore {
   public:
    Restore(T& place, T value) : place_(place), before_(place) { place = value; }
    ~Restore() { place_ = before_; }
    Restore(const Restore&) = delete;
    Restore& operator=(const Restore&) = delete;

   private:
    T& place_;
    T before_;
  };

  // -- tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  Status expect_op(std::string_view op);
  Status expect_name(std::string_view name);
  Status expect(TokenKind kind, std::string_view what);
  Result<std::string_view> name_token();  // any name, kept by the tree
  Failure fail_at(int line, std::string_view reason) const;
  Failure unexpected(std::string_view wanted) const;
  Status check_nesting(int depth) const;

  // -- statements (parser.cpp)
  using EndTags = std::initializer_list<std::string_view>;
  Status parse_body(Body& body, EndTags end_tags);   // after a tag's head, up to an end tag's name
  Status parse_block(Body& body, EndTags end_tags);  // the same without the head's end
  StatementResult parse_statement();
  StatementResult parse_other_statement(std::string_view tag, int line);
  StatementResult parse_if(int line);
  StatementResult parse_for(int line);
  StatementResult parse_set(int line);
  StatementResult parse_macro(int line);
  StatementResult parse_call_block(int line);
  StatementResult parse_filter_block(int line);
  StatementResult parse_with(int line);
  StatementResult parse_block_tag(int line);
  StatementResult parse_generation(int line);
  StatementResult parse_print(int line);
  StatementResult parse_jump(StatementKind kind, int line);
  Status parse_signature(MacroStatement& macro);
  Status parse_macro_body(MacroStatement& macro, std::string_view end_tag);
  Result<Target> parse_target(bool with_namespace);
  Result<Target> parse_single_target(bool with_namespace);

  // -- expressions (parser_expr.cpp)
  ExprResult parse_expression(bool with_cond = true);
  ExprResult parse_tuple(bool with_cond, bool parenthesized, EndTags end_names = {});
  ExprResult parse_cond();
  ExprResult parse_or();
  ExprResult parse_and();
  ExprResult parse_not();
  ExprResult parse_compare();
  ExprResult parse_sum();
  ExprResult parse_concat();
  ExprResult parse_product();
  ExprResult parse_power();
  ExprResult parse_unary(bool with_filter);
  ExprResult parse_primary();
  ExprResult parse_name();
  ExprResult parse_number();
  ExprResult parse_string();
  ExprResult parse_list();
  ExprResult parse_dict();
  ExprResult parse_postfix(const Expr* node);
  ExprResult parse_filters_and_tests(const Expr* node);
  ExprResult parse_attribute(const Expr* target);
  ExprResult parse_item(const Expr* target);
  ExprResult parse_slice_part();
  ExprResult parse_subscript();
  ExprResult parse_call(const Expr* target);
  ExprResult parse_filter(const Expr* target, bool start_inline);
  ExprResult parse_test(const Expr* target);
  Result<std::string_view> parse_dotted_name();
  Status parse_arguments(Arguments& arguments);
  Status parse_argument(Arguments& arguments, int line);
  ExprResult binary(ExprKind kind, BinaryOp op, const Expr* left, const Expr* right, int line);
  void deepen(Expr& node, const Expr* child) const;
  void deepen(Expr& node, const Arguments& arguments) const;
  ExprResult checked(Expr* node) const;
  void note_unknown(const FilterExpr& node);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  Ast& ast_;
  int expr_nesting_ = 0;
  int block_nesting_ = 0;
  int n_loops_ = 0;     // for bodies around, as far as break and continue see
  int n_for_tags_ = 0;  // for tags around, whose `loop` must not be assigned
  bool in_if_ = false;  // directly in an if: unknown filters are errors only when reached
  std::vector<MacroStatement*> macros_;     // around, innermost last
  std::vector<const FilterExpr*> unknown_;  // filters and tests to complain about
  std::vector<std::string_view> block_names_;
};

}  // namespace hearth::text::jinja

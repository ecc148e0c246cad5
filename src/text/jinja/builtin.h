// SPDX-License-Identifier: MIT
// Filters, tests, methods and global functions: rows of tables, found by name. A row states its
// parameters once; the interpreter binds arguments by that, as Python would, before the call.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

struct CallArgs {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;
};

// Arguments in the order of the parameters; those not given are absent.
class Bound {
 public:
  bool has(size_t i) const { return given_[i]; }
  const Value& operator[](size_t i) const { return values_[i]; }
  Value get(size_t i, const Value& otherwise) const { return given_[i] ? values_[i] : otherwise; }
  bool flag(size_t i) const { return given_[i] && truthy(values_[i]); }
  void set(size_t i, const Value& value) {
    values_[i] = value;
    given_[i] = true;
  }

  CallArgs all;  // as they were given, for rows that take any number

 private:
  std::array<Value, 6> values_{};
  std::array<bool, 6> given_{};
};

enum class Passing : uint8_t {
  kByName,    // by place or by name
  kByPlace,   // as most methods that Python writes in C
  kAnything,  // not bound: the function looks at Bound::all
};
constexpr Passing kPlace = Passing::kByPlace;  // short, for the tables

struct Builtin {
  std::string_view name;
  Result<Value> (*call)(Interpreter& in, const Bound& args);
  uint8_t n_required = 0;
  std::array<std::string_view, 6> parameters{};
  Passing passing = Passing::kByName;
};

// nullptr where there is none of that name. For filters and tests the first parameter is the value.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_global(std::string_view name);
// The method of a value of this kind; the first parameter is the value.
const Builtin* find_method(const Value& self, std::string_view name);
// Methods that would change a list or dict, which the sandbox forbids.
bool is_forbidden_method(const Value& self, std::string_view name);

// The tables, one per file.
using Table = std::span<const Builtin>;
const Builtin* find_in(Table table, std::string_view name);
Table text_filters();
Table sequence_filters();
Table selection_filters();
Table number_filters();
Table markup_filters();
Table text_methods();         // strip, split, replace, …
Table text_search_methods();  // find, startswith, isdigit, …
Table container_methods(const Value& self);

// Gives the arguments their places. Errors: too many, unknown, twice, missing.
Result<Bound> bind(const Builtin& builtin, CallArgs args);

}  // namespace hearth::text::jinja

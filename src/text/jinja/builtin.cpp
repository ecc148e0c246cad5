// SPDX-License-Identifier: MIT
#include "text/jinja/builtin.h"

#include <algorithm>

namespace hearth::text::jinja {

const Builtin* find_in(Table table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const Builtin& row) { return row.name == name; });
  return it == table.end() ? nullptr : &*it;
}

const Builtin* find_filter(std::string_view name) {
  for (const Table table : {text_filters(), sequence_filters(), selection_filters(),
                            number_filters(), markup_filters()})
    if (const Builtin* found = find_in(table, name)) return found;
  return nullptr;
}

const Builtin* find_method(const Value& self, std::string_view name) {
  if (!self.is_str()) return find_in(container_methods(self), name);
  if (const Builtin* found = find_in(text_methods(), name)) return found;
  return find_in(text_search_methods(), name);
}

bool is_forbidden_method(const Value& self, std::string_view name) {
  constexpr std::array<std::string_view, 8> kListMethods = {"append", "clear", "pop",    "reverse",
                                                            "insert", "sort",  "extend", "remove"};
  constexpr std::array<std::string_view, 5> kDictMethods = {"clear", "pop", "popitem", "setdefault",
                                                            "update"};
  if (self.is(Kind::kList))
    return std::find(kListMethods.begin(), kListMethods.end(), name) != kListMethods.end();
  if (self.is_dict())
    return std::find(kDictMethods.begin(), kDictMethods.end(), name) != kDictMethods.end();
  return false;
}

}  // namespace hearth::text::jinja

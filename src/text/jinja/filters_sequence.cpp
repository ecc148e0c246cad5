// SPDX-License-Identifier: MIT
// Filters on lists and dicts.
#include <algorithm>

#include "text/jinja/attribute_path.h"
#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/lazy.h"
#include "text/jinja/sorting.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

// What Python's len takes.
std::optional<size_t> length_of(const Value& value) {
  const auto cursor = Cursor::over(value);
  return cursor ? cursor->size() : std::nullopt;
}

Value folded(In& in, const Value& value, bool case_sensitive) {
  return value.is_str() && !case_sensitive ? in.heap().str(to_lower(value.text())) : value;
}

Result<int64_t> int_argument(const Bound& args, size_t i) {
  if (!args[i].is_integral()) return invalid("the argument must be an integer");
  return args[i].as_int();
}

Result<Value> filter_length(In& in, const Bound& args) {
  if (auto* loop = object_as<Loop>(args[0], ObjectKind::kLoop)) {
    TRY_LET(const int64_t n_items, loop->count(in));
    return Value::integer(n_items);
  }
  const auto size = length_of(args[0]);
  if (!size) return invalid("object of type '{}' has no length", type_name(args[0]));
  return Value::integer(static_cast<int64_t>(*size));
}

Result<Value> filter_first(In& in, const Bound& args) {
  TRY_LET(Cursor cursor, Cursor::over(args[0]));
  Value item;
  TRY_LET(const bool any, cursor.next(in, item));
  return any ? item : in.heap().undefined("there is no first item, the sequence is empty");
}

Result<Value> filter_last(In& in, const Bound& args) {
  if (!length_of(args[0]))
    return invalid("'{}' object can't be walked backwards", type_name(args[0]));
  if (args[0].is_str() && !args[0].text().empty()) {
    const size_t start = previous_char(args[0].text(), args[0].text().size());
    return in.heap().character(std::string_view(args[0].text()).substr(start));
  }
  TRY_LET(const std::vector<Value> items, in.collect(args[0]));
  return items.empty() ? in.heap().undefined("there is no last item, the sequence is empty")
                       : items.back();
}

Result<Value> filter_list(In& in, const Bound& args) {
  TRY_LET(std::vector<Value> items, in.collect(args[0]));
  return in.heap().list(std::move(items));
}

Result<Value> filter_reverse(In& in, const Bound& args) {
  const Value value = args[0];
  if (value.is_str()) {
    std::string out;
    for (size_t end = value.text().size(); end > 0;) {
      const size_t start = previous_char(value.text(), end);
      out.append(value.text(), start, end - start);
      end = start;
    }
    return in.heap().str(std::move(out), value.str().markup);
  }
  TRY_LET(std::vector<Value> items, in.collect(value));
  std::reverse(items.begin(), items.end());
  if (!length_of(value)) return in.heap().list(std::move(items));
  return lazy(in, [items](In&) -> Result<std::vector<Value>> { return items; });
}

Result<Value> filter_join(In& in, const Bound& args) {
  const AttributePath path(in, args.get(2, Value()));
  TRY_LET(const std::string separator, in.to_text(args.get(1, in.heap().str(""))));
  TRY_LET(Cursor cursor, Cursor::over(args[0]));
  std::string out;
  Value item;
  for (bool first = true;; first = false) {
    TRY_LET(const bool more, cursor.next(in, item));
    if (!more) return in.heap().str(std::move(out));
    TRY_LET(const Value part, path.get(in, item));
    TRY_LET(const std::string text, in.to_text(part));
    if (!first) out += separator;
    out += text;
    TRY(in.reserve(out.size()));
  }
}

Result<Value> filter_sort(In& in, const Bound& args) {
  const auto paths = AttributePath::several(in, args.get(3, Value()));
  TRY_LET(const std::vector<Value> items, in.collect(args[0]));
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> parts;
    for (const AttributePath& path : paths) {
      TRY_LET(const Value part, path.get(in, item));
      parts.push_back(folded(in, part, args.flag(2)));
    }
    keys.push_back(in.heap().list(std::move(parts)));
  }
  TRY_LET(const std::vector<size_t> order, sorted_order(in, keys, args.flag(1)));
  std::vector<Value> sorted;
  for (const size_t i : order) sorted.push_back(items[i]);
  return in.heap().list(std::move(sorted));
}

Result<Value> filter_unique(In& in, const Bound& args) {
  const Value value = args[0];
  const bool case_sensitive = args.flag(1);
  const AttributePath path(in, args.get(2, Value()));
  return lazy(in, [=](In& inner) -> Result<std::vector<Value>> {
    TRY_LET(const std::vector<Value> items, inner.collect(value));
    std::vector<Value> kept;
    Dict seen;
    for (const Value& item : items) {
      TRY_LET(const Value part, path.get(inner, item));
      const Value key = folded(inner, part, case_sensitive);
      TRY(check_key(key));
      if (seen.find(key)) continue;
      seen.set(key, Value());
      kept.push_back(item);
    }
    return kept;
  });
}

Result<Value> extreme(In& in, const Bound& args, bool largest) {
  const AttributePath path(in, args.get(2, Value()));
  TRY_LET(const std::vector<Value> items, in.collect(args[0]));
  if (items.empty())
    return in.heap().undefined("there is no item to choose, the sequence is empty");
  Value best, best_key;
  for (size_t i = 0; i < items.size(); ++i) {
    TRY_LET(const Value part, path.get(in, items[i]));
    const Value key = folded(in, part, args.flag(1));
    bool better = i == 0;
    if (!better) {
      TRY_LET(better, in.in_order(largest ? Order::kGreater : Order::kLess, key, best_key));
    }
    if (!better) continue;
    best = items[i];
    best_key = key;
  }
  return best;
}
Result<Value> filter_min(In& in, const Bound& args) { return extreme(in, args, false); }
Result<Value> filter_max(In& in, const Bound& args) { return extreme(in, args, true); }

Result<Value> filter_sum(In& in, const Bound& args) {
  const AttributePath path(in, args.get(1, Value()));
  Value total = args.get(2, Value::integer(0));
  if (total.is_str()) return invalid("text can't be summed, use join");
  TRY_LET(const std::vector<Value> items, in.collect(args[0]));
  for (const Value& item : items) {
    TRY_LET(const Value part, path.get(in, item));
    if (part.is_undefined()) return invalid("{}", part.undefined().reason);
    TRY_LET(total, in.add(total, part));
  }
  return total;
}

Result<Value> filter_batch(In& in, const Bound& args) {
  const Value value = args[0], fill = args.get(2, Value());
  TRY_LET(const int64_t n_per_row, int_argument(args, 1));
  return lazy(in, [=](In& inner) -> Result<std::vector<Value>> {
    TRY_LET(const std::vector<Value> items, inner.collect(value));
    std::vector<Value> rows, row;
    bool started = false;
    for (const Value& item : items) {
      if (started && static_cast<int64_t>(row.size()) == n_per_row)
        rows.push_back(inner.heap().list(std::exchange(row, {})));
      row.push_back(item);
      started = true;
    }
    if (row.empty()) return rows;
    if (!fill.is_none() && static_cast<int64_t>(row.size()) < n_per_row) {
      TRY(inner.reserve(std::min<size_t>(n_per_row, SIZE_MAX / 32) * sizeof(Value)));
      row.resize(static_cast<size_t>(n_per_row), fill);
    }
    rows.push_back(inner.heap().list(std::move(row)));
    return rows;
  });
}

Result<Value> filter_slice(In& in, const Bound& args) {
  const Value value = args[0], fill = args.get(2, Value());
  TRY_LET(const int64_t n_slices, int_argument(args, 1));
  return lazy(in, [=](In& inner) -> Result<std::vector<Value>> {
    TRY_LET(const std::vector<Value> items, inner.collect(value));
    if (n_slices == 0) return invalid("slice: division by zero");
    std::vector<Value> rows;
    if (n_slices < 0) return rows;
    TRY(inner.step(static_cast<uint64_t>(n_slices)));
    const auto n = static_cast<size_t>(n_slices);
    const size_t n_each = items.size() / n, n_longer = items.size() % n;
    size_t begin = 0;
    for (size_t i = 0; i < n; ++i) {
      const size_t end = begin + n_each + (i < n_longer ? 1 : 0);
      std::vector<Value> row(items.begin() + begin, items.begin() + end);
      if (!fill.is_none() && i >= n_longer) row.push_back(fill);
      rows.push_back(inner.heap().list(std::move(row)));
      begin = end;
    }
    return rows;
  });
}

Result<Value> filter_items(In& in, const Bound& args) {
  const Value value = args[0];
  return lazy(in, [value](In& inner) -> Result<std::vector<Value>> {
    std::vector<Value> pairs;
    if (value.is_undefined()) return pairs;
    if (!value.is_dict()) return invalid("items: only a dict has items, not {}", type_name(value));
    for (const auto& [key, item] : value.dict().entries)
      pairs.push_back(inner.heap().tuple({key, item}));
    return pairs;
  });
}

Result<Value> filter_dictsort(In& in, const Bound& args) {
  if (!args[0].is_dict())
    return invalid("only a dict can be sorted so, not {}", type_name(args[0]));
  const Value by = args.get(2, in.heap().str("key"));
  const bool by_value = by.is_str() && by.text() == "value";
  if (!by_value && !(by.is_str() && by.text() == "key"))
    return invalid("a dict is sorted by 'key' or by 'value'");
  const auto& entries = args[0].dict().entries;
  std::vector<Value> keys;
  for (const auto& [key, value] : entries)
    keys.push_back(folded(in, by_value ? value : key, args.flag(1)));
  TRY_LET(const std::vector<size_t> order, sorted_order(in, keys, args.flag(3)));
  std::vector<Value> pairs;
  for (const size_t i : order)
    pairs.push_back(in.heap().tuple({entries[i].first, entries[i].second}));
  return in.heap().list(std::move(pairs));
}

Result<Value> filter_groupby(In& in, const Bound& args) {
  const Value otherwise = args.get(2, Value());
  const AttributePath path(in, args[1],
                           otherwise.is_none() ? std::nullopt : std::optional(otherwise));
  TRY_LET(const std::vector<Value> items, in.collect(args[0]));
  std::vector<Value> parts, keys;
  for (const Value& item : items) {
    TRY_LET(const Value part, path.get(in, item));
    parts.push_back(part);
    keys.push_back(folded(in, part, args.flag(3)));
  }
  TRY_LET(const std::vector<size_t> order, sorted_order(in, keys, false));
  std::vector<Value> groups;
  for (size_t at = 0; at < order.size();) {
    const size_t first = order[at];
    std::vector<Value> members;
    for (; at < order.size(); ++at) {
      TRY_LET(const bool same, in.same(keys[first], keys[order[at]]));
      if (!same) break;
      members.push_back(items[order[at]]);
    }
    groups.push_back(in.heap().group({parts[first], in.heap().list(std::move(members))}));
  }
  return in.heap().list(std::move(groups));
}

constexpr Builtin kSequenceFilters[] = {
    {"length", filter_length, 1, {"obj"}, Passing::kByPlace},
    {"count", filter_length, 1, {"obj"}, Passing::kByPlace},
    {"first", filter_first, 1, {"seq"}},
    {"last", filter_last, 1, {"seq"}},
    {"list", filter_list, 1, {"value"}},
    {"reverse", filter_reverse, 1, {"value"}},
    {"join", filter_join, 1, {"value", "d", "attribute"}},
    {"sort", filter_sort, 1, {"value", "reverse", "case_sensitive", "attribute"}},
    {"unique", filter_unique, 1, {"value", "case_sensitive", "attribute"}},
    {"min", filter_min, 1, {"value", "case_sensitive", "attribute"}},
    {"max", filter_max, 1, {"value", "case_sensitive", "attribute"}},
    {"sum", filter_sum, 1, {"iterable", "attribute", "start"}},
    {"batch", filter_batch, 2, {"value", "linecount", "fill_with"}},
    {"slice", filter_slice, 2, {"value", "slices", "fill_with"}},
    {"items", filter_items, 1, {"value"}},
    {"dictsort", filter_dictsort, 1, {"value", "case_sensitive", "by", "reverse"}},
    {"groupby", filter_groupby, 2, {"value", "attribute", "default", "case_sensitive"}},
};

}  // namespace

Table sequence_filters() { return kSequenceFilters; }

}  // namespace hearth::text::jinja

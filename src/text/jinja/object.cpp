// SPDX-License-Identifier: MIT
#include "text/jinja/object.h"

#include "text/jinja/interpreter.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kStr:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
      return true;
    case Kind::kObject:
      break;
    default:
      return false;
  }
  const ObjectKind kind = value.object().kind;
  return kind == ObjectKind::kRange || kind == ObjectKind::kView || kind == ObjectKind::kIterator;
}

Value view_item(Heap& heap, const View& view, size_t i) {
  const auto& [key, value] = view.dict.entries[i];
  if (view.part == View::Part::kKeys) return key;
  if (view.part == View::Part::kValues) return value;
  return heap.tuple({key, value});
}

}  // namespace

Result<Cursor> Cursor::over(const Value& iterable) {
  if (!is_iterable(iterable)) return invalid("'{}' object is not iterable", type_name(iterable));
  return Cursor(iterable);
}

std::optional<size_t> Cursor::size() const {
  switch (iterable_.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kStr:
      return iterable_.str().ascii ? iterable_.text().size() : count_chars(iterable_.text());
    case Kind::kList:
    case Kind::kTuple:
      return iterable_.items().size();
    case Kind::kDict:
      return iterable_.dict().entries.size();
    default:
      break;
  }
  if (const Range* range = as_range(iterable_)) return static_cast<size_t>(range->size());
  if (const View* view = as_view(iterable_)) return view->dict.entries.size();
  return std::nullopt;
}

Result<bool> Cursor::next(Interpreter& in, Value& item) {
  TRY(in.step());
  if (iterable_.is_str()) {
    const std::string& text = iterable_.text();
    if (at_ >= text.size()) return false;
    const size_t start = at_;
    decode_char(text, at_);
    item = in.heap().character(std::string_view(text).substr(start, at_ - start));
    return true;
  }
  if (auto* iterator = object_as<Iterator>(iterable_, ObjectKind::kIterator))
    return iterator->next(in, item);
  const size_t i = at_;
  if (i >= *size()) return false;
  ++at_;
  if (iterable_.is_sequence()) {
    item = iterable_.items()[i];
  } else if (iterable_.is_dict()) {
    item = iterable_.dict().entries[i].first;
  } else if (const Range* range = as_range(iterable_)) {
    item = Value::integer(range->at(static_cast<int64_t>(i)));
  } else {
    item = view_item(in.heap(), *as_view(iterable_), i);
  }
  return true;
}

Result<bool> Loop::pull(Interpreter& in, Value& item) {
  for (;;) {
    TRY_LET(const bool more, source.next(in, item));
    if (!more) return false;
    if (!keep) return true;
    TRY_LET(const bool kept, keep(in, item));
    if (kept) return true;
  }
}

Result<bool> Loop::advance(Interpreter& in) {
  Value item;
  if (i_ahead < ahead.size()) {
    item = ahead[i_ahead++];
  } else {
    TRY_LET(const bool more, pull(in, item));
    if (!more) return false;
  }
  ++index0;
  before = current;
  current = item;
  return true;
}

Result<const Value*> Loop::peek(Interpreter& in) {
  if (i_ahead < ahead.size()) return &ahead[i_ahead];
  Value item;
  TRY_LET(const bool more, pull(in, item));
  if (!more) return nullptr;
  ahead.clear();
  i_ahead = 0;
  ahead.push_back(item);
  return &ahead[0];
}

Result<int64_t> Loop::count(Interpreter& in) {
  if (length) return *length;
  if (const auto size = source.size(); size && !keep) {
    length = static_cast<int64_t>(*size);
    return *length;
  }
  Value item;
  for (;;) {
    TRY_LET(const bool more, pull(in, item));
    if (!more) break;
    in.heap().charge(sizeof(Value));
    ahead.push_back(item);
  }
  length = index0 + 1 + static_cast<int64_t>(ahead.size() - i_ahead);
  return *length;
}

}  // namespace hearth::text::jinja

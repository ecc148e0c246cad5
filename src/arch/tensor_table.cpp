// SPDX-License-Identifier: MIT
#include "arch/tensor_table.h"

#include <cctype>

#include "base/check.h"

namespace hearth::arch {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Calls f with each part of `text` between separators.
template <class F>
void split(std::string_view text, char separator, F&& f) {
  for (;;) {
    const size_t at = text.find(separator);
    f(trim(text.substr(0, at)));
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
  }
}

int64_t evaluate_factor(std::string_view factor, const HParams& hp) {
  CHECK(!factor.empty());
  if (std::isupper(static_cast<unsigned char>(factor[0])) != 0) {
    CHECK(factor.size() == 1);
    return hp.dim(factor[0]);
  }
  int64_t number = 0;
  for (const char c : factor) {
    CHECK(c >= '0' && c <= '9');
    number = number * 10 + (c - '0');
  }
  return number;
}

}  // namespace

int64_t evaluate_dim(std::string_view expression, const HParams& hp) {
  int64_t sum = 0;
  split(expression, '+', [&](std::string_view term) {
    int64_t product = 1;
    split(term, '*', [&](std::string_view factor) { product *= evaluate_factor(factor, hp); });
    sum += product;
  });
  return sum;
}

void TensorTable::add(std::string name, std::string hf_name, Role role, std::string dims,
                      bool optional) {
  if (!has_hf_names_) hf_name.clear();
  TensorRow row{std::move(name), std::move(hf_name), role, std::move(dims), optional, {}};
  split(row.dims, ',', [&](std::string_view dim) {
    CHECK(row.shape.rank < Shape::kMaxRank);
    row.shape.dims[static_cast<size_t>(row.shape.rank++)] = evaluate_dim(dim, hp_);
  });
  CHECK(by_name_.emplace(row.name, rows_.size()).second);
  rows_.push_back(std::move(row));
}

const TensorRow* TensorTable::find(std::string_view name) const {
  const auto at = by_name_.find(std::string(name));
  return at == by_name_.end() ? nullptr : &rows_[at->second];
}

}  // namespace hearth::arch

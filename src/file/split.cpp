// SPDX-License-Identifier: MIT
#include "file/split.h"

#include <fmt/format.h>

#include <charconv>

namespace hearth::file {
namespace {

constexpr size_t kDigits = 5;
constexpr std::string_view kMiddle = "-of-";
constexpr std::string_view kEnding = ".gguf";

std::optional<int> five_digits(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text[0] == '-') return {};
  return value;
}

}  // namespace

std::optional<SplitName> parse_split_name(std::string_view name) {
  if (!name.ends_with(kEnding)) return std::nullopt;
  name.remove_suffix(kEnding.size());
  // What remains ends in "-DDDDD-of-DDDDD".
  const size_t tail = 1 + kDigits + kMiddle.size() + kDigits;
  if (name.size() <= tail) return std::nullopt;
  const std::string_view numbers = name.substr(name.size() - tail);
  if (numbers[0] != '-' || numbers.substr(1 + kDigits, kMiddle.size()) != kMiddle) return {};
  const auto i_part = five_digits(numbers.substr(1, kDigits));
  const auto n_parts = five_digits(numbers.substr(1 + kDigits + kMiddle.size()));
  if (!i_part || !n_parts || *i_part < 1 || *i_part > *n_parts) return std::nullopt;
  return SplitName{std::string(name.substr(0, name.size() - tail)), *i_part, *n_parts};
}

std::string split_file_name(std::string_view stem, int i_part, int n_parts) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", stem, i_part, n_parts);
}

}  // namespace hearth::file

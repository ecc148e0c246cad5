// SPDX-License-Identifier: MIT
// "Did you mean": the known word that is fewest edits away from a mistyped one.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hearth {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`
// (optimal string alignment).
int edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, or nothing when more than a third of the word would have to change.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

}  // namespace hearth

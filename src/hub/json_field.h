// SPDX-License-Identifier: MIT
// Typed fields of a JSON object that somebody else wrote: nothing throws, nothing is guessed.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::hub {

std::optional<std::string> text_field(const nlohmann::json& object, std::string_view key);
std::optional<uint64_t> count_field(const nlohmann::json& object, std::string_view key);
// The elements of an array, or an empty array where there is none.
const nlohmann::json& list_field(const nlohmann::json& object, std::string_view key);

}  // namespace hearth::hub

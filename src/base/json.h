// SPDX-License-Identifier: MIT
// JSON text to values, never throwing. Stands in one object file because the library's parser takes
// seconds to compile. Bounds on what comes from outside are the caller's: see text/messages.h.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace hearth {

// is_discarded() where the text is not JSON.
nlohmann::json parse_json(std::string_view text);
nlohmann::ordered_json parse_ordered_json(std::string_view text);  // keeps the order of members

}  // namespace hearth

// SPDX-License-Identifier: MIT
// HTML escaping, which chat templates meet through the filters `safe`, `e` and `escape`.
#pragma once
#include <string>
#include <string_view>

namespace hearth::text::jinja {

// & < > ' " as entities.
std::string escaped(std::string_view text);

}  // namespace hearth::text::jinja

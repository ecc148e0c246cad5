// SPDX-License-Identifier: MIT
// JSON as it leaves: text that is valid UTF-8 whatever bytes a model or a file gave, and never an
// exception (RELIABILITY F14). And the two framings of streams.
// Source: WHATWG HTML, "Server-sent events"; NDJSON 1.0.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace hearth::server {

using Json = nlohmann::ordered_json;  // members in the order in which they were put

// One line. Invalid UTF-8 becomes U+FFFD.
std::string json_text(const Json& value);

// "data: …\n\n"
std::string sse_data(const Json& value);
// "event: name\ndata: …\n\n"
std::string sse_event(std::string_view name, const Json& value);
// "…\n"
std::string ndjson_line(const Json& value);

// A member that is a text, else "". `object` may be anything.
std::string text_in(const Json& object, std::string_view name);
// A member, or nothing where there is none or it is null.
const Json* member_of(const Json& object, std::string_view name);

}  // namespace hearth::server

// SPDX-License-Identifier: MIT
// The server's own description, made from the route table and the tables of fields, so that it
// cannot say anything else than the server does. docs/openapi.yaml is its text.
// Source: OpenAPI Specification 3.1.0.
#pragma once
#include <string>

#include "server/json_out.h"

namespace hearth::server {

Json openapi_document();

// A JSON value as YAML 1.2 in block style; all texts in double quotes.
std::string yaml_text(const Json& value);

}  // namespace hearth::server

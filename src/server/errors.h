// SPDX-License-Identifier: MIT
// Errors as each dialect's clients expect them. In: an Error, or a status with a reason. Out: the
// status, a body, Retry-After. No byte of a request comes back but in quote()'s form (F14).
#pragma once
#include <string_view>

#include "base/result.h"
#include "server/http/message.h"
#include "server/json_out.h"
#include "server/route.h"

namespace hearth::server {

// The HTTP status of an error; a positive retry_after_s makes a bound that was reached a 429.
int status_of(const Error& error, int64_t retry_after_s = 0);

// The error as one object, as it stands in a body or in a stream.
Json error_json(Dialect dialect, int status, const Error& error);

http::Response error_response(Dialect dialect, int status, const Error& error,
                              int64_t retry_after_s = 0);

// The same from an error alone.
http::Response error_response(Dialect dialect, const Error& error, int64_t retry_after_s = 0);

http::Response json_response(const Json& body, int status = 200);

}  // namespace hearth::server

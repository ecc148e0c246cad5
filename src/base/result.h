// SPDX-License-Identifier: MIT
// Result<T> and Error: how every fallible function of hearth answers. Bytes from outside give a
// Result, a programmer's mistake is a CHECK (check.h). Errors carry a code for programs, one line
// for people, and a hint that names the next step; each layer adds its context with within().
#pragma once
#include <fmt/core.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace hearth {

enum class ErrorCode {
  kInvalid,      // an argument, request or field is wrong
  kNotFound,     // a file, model or key does not exist
  kCorrupt,      // bytes from outside break their format
  kUnsupported,  // valid, but hearth cannot do it (yet)
  kIo,           // the operating system refused
  kNoMemory,     // does not fit
  kLimit,        // a bound of ours was reached
  kNumeric,      // the model's numbers stopped being finite
  kInterrupted,  // the user or a deadline stopped it
  kInternal,     // a bug of ours that was caught
};

// The name used in {"error":{"code":…}}, for example "corrupt".
std::string_view error_code_name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one line, no trailing full stop
  std::string hint;     // what to do next; may be empty
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;
using Failure = tl::unexpected<Error>;  // what a function returns when it fails

template <class... Args>
Failure fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

#define HEARTH_DEFINE_FAILURE(function, code)                                          \
  template <class... Args>                                                             \
  Failure function(fmt::format_string<Args...> format, Args&&... args) {               \
    return Failure(Error{code, fmt::format(format, std::forward<Args>(args)...), {}}); \
  }
HEARTH_DEFINE_FAILURE(invalid, ErrorCode::kInvalid)
HEARTH_DEFINE_FAILURE(not_found, ErrorCode::kNotFound)
HEARTH_DEFINE_FAILURE(corrupt, ErrorCode::kCorrupt)
HEARTH_DEFINE_FAILURE(unsupported, ErrorCode::kUnsupported)
HEARTH_DEFINE_FAILURE(io_error, ErrorCode::kIo)
HEARTH_DEFINE_FAILURE(no_memory, ErrorCode::kNoMemory)
HEARTH_DEFINE_FAILURE(over_limit, ErrorCode::kLimit)
HEARTH_DEFINE_FAILURE(numeric_error, ErrorCode::kNumeric)
HEARTH_DEFINE_FAILURE(interrupted, ErrorCode::kInterrupted)
HEARTH_DEFINE_FAILURE(internal_error, ErrorCode::kInternal)
#undef HEARTH_DEFINE_FAILURE

// Gives a failure its hint: return with_hint(not_found("no model '{}'", name), "see hearth list").
template <class... Args>
Failure with_hint(Failure failure, fmt::format_string<Args...> format, Args&&... args) {
  failure.value().hint = fmt::format(format, std::forward<Args>(args)...);
  return failure;
}

// Adds the context of an outer layer: "model.gguf: tensor 'x': offset past the end".
inline Error within(std::string_view context, Error error) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}
template <class T>
Result<T> within(std::string_view context, Result<T> result) {
  if (result) return result;
  return Failure(within(context, std::move(result).error()));
}

}  // namespace hearth

#define HEARTH_CONCAT_INNER(a, b) a##b
#define HEARTH_CONCAT(a, b) HEARTH_CONCAT_INNER(a, b)

// TRY(status);  returns the error from the enclosing function.
#define TRY(...)                                                                            \
  do {                                                                                      \
    auto hearth_try_result = (__VA_ARGS__);                                                 \
    if (!hearth_try_result) return ::hearth::Failure(std::move(hearth_try_result).error()); \
  } while (0)

// TRY_LET(const uint32_t magic, in.u32());  the value, or returns the error.
#define TRY_LET(declaration, ...) \
  HEARTH_TRY_LET_IMPL(HEARTH_CONCAT(hearth_try_, __LINE__), declaration, __VA_ARGS__)
#define HEARTH_TRY_LET_IMPL(name, declaration, ...)             \
  auto name = (__VA_ARGS__);                                    \
  if (!name) return ::hearth::Failure(std::move(name).error()); \
  declaration = std::move(*name)

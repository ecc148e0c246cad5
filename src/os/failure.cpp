// SPDX-License-Identifier: MIT
#include "os/failure.h"

#include <cerrno>
#include <system_error>

namespace hearth::os {

Failure system_failure(std::string_view action, const std::filesystem::path& path, int error) {
  ErrorCode code = ErrorCode::kIo;
  if (error == ENOENT || error == ENOTDIR) code = ErrorCode::kNotFound;
  if (error == ENOMEM) code = ErrorCode::kNoMemory;
  return fail(code, "cannot {} {}: {}", action, path.string(),
              std::generic_category().message(error));
}

}  // namespace hearth::os

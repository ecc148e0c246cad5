// SPDX-License-Identifier: MIT
// Where hearth keeps what it fetched and made: HEARTH_HOME, else $XDG_DATA_HOME/hearth, else
// ~/.local/share/hearth. Source: XDG Base Directory Specification 0.8.
#pragma once
#include <filesystem>

#include "base/result.h"

namespace hearth::os {

// An absolute path; the folder need not exist. Fails only where the user has no home at all.
Result<std::filesystem::path> hearth_home();

// hearth_home()/models: the store of models.
Result<std::filesystem::path> models_folder();

// Creates the folder and those above it, where they are missing.
Status make_folders(const std::filesystem::path& folder);

}  // namespace hearth::os

// SPDX-License-Identifier: MIT
// The part of the sandbox that guards files, the network and signals, by the kernel's Landlock.
// Source: Linux Documentation/userspace-api/landlock.rst.
#pragma once
#include <filesystem>
#include <vector>

#include "os/sandbox.h"

namespace hearth::os {

// The version of Landlock that this kernel has; 0: none, or switched off.
int landlock_abi();

// Puts the calling thread, and those that it makes from now on, into a domain of its own. Fills
// landlock_abi, files, network, signals and what is missing. Needs no_new_privs.
void enter_landlock(const std::vector<std::filesystem::path>& readable, SandboxFacts& facts);

}  // namespace hearth::os

// SPDX-License-Identifier: MIT
// How much memory there is, and how much of it this process holds. Linux: /proc and cgroups.
#pragma once
#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace hearth::os {

struct MemoryInfo {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  // without swapping; a container's limit counts
};

// `root` is where proc and sys lie; other than "/" only in tests.
Result<MemoryInfo> memory_info(const std::filesystem::path& root = "/");

// Resident bytes of this process now, and the most it ever had; mapped files count as far as they
// are touched. 0 where the system does not say.
uint64_t resident_bytes();
uint64_t peak_resident_bytes();
// Lets the peak begin anew from now; false where the system does not allow it.
bool reset_peak_resident();

// Resident bytes that are not of files: what the process needs beside its mapped model.
uint64_t anonymous_resident_bytes();
// The same of another process; 0 where it is gone.
uint64_t anonymous_resident_bytes(int pid);

// Has this process give memory that it no longer uses back to the system, but for some tens of KiB
// of each thread, where the C library allows it. For a program that lives long and mostly waits: by
// default it keeps 128 KiB and more, and the more the larger a block was that it has ever freed.
void give_freed_memory_back();

}  // namespace hearth::os

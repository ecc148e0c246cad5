// SPDX-License-Identifier: MIT
// The server's log file, for people: its last lines, and what is written from then on, also where
// the file was put aside for a new one in between (base/log.h). One thread.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace hearth::cli {

// hearth_home()/logs/serve.log
Result<std::filesystem::path> log_file();

class LogReader {
 public:
  explicit LogReader(std::filesystem::path file) : file_(std::move(file)) {}

  // The last `n` lines, of older files too, with their line ends. Error: there is no log.
  Result<std::string> last_lines(size_t n);
  // What was written since the last call of either.
  std::string more();

 private:
  std::filesystem::path older(size_t i) const;  // 1: the newest of them

  std::filesystem::path file_;
  uint64_t n_read_ = 0;  // bytes of file_
};

}  // namespace hearth::cli

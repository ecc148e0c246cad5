// SPDX-License-Identifier: MIT
#include "cli/log_reader.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "os/dirs.h"

namespace hearth::cli {
namespace {

// From `offset` on; empty where there is no such file. Files are bounded by kMaxLogBytes.
std::string read_from(const std::filesystem::path& file, uint64_t offset) {
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in) return {};
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Where the last `n` lines begin.
size_t tail(const std::string& text, size_t n) {
  size_t at = text.size();
  for (size_t i = 0; i <= n && at > 0; ++i) {
    const size_t line_end = text.rfind('\n', at - 1);
    if (line_end == std::string::npos) return 0;
    if (i == n) return line_end + 1;
    at = line_end;
  }
  return at;
}

}  // namespace

Result<std::filesystem::path> log_file() {
  TRY_LET(const std::filesystem::path home, os::hearth_home());
  return home / "logs" / "serve.log";
}

std::filesystem::path LogReader::older(size_t i) const {
  std::filesystem::path path = file_;
  path.replace_extension(std::to_string(i) + file_.extension().string());
  return path;
}

Result<std::string> LogReader::last_lines(size_t n) {
  std::error_code error;
  if (!std::filesystem::exists(file_, error)) {
    return with_hint(not_found("there is no log at {}", file_.string()),
                     "hearth serve writes it; HEARTH_HOME says where");
  }
  std::string text = read_from(file_, 0);
  n_read_ = text.size();
  const auto n_lines = [&] {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  };
  for (size_t i = 1; i <= kOldLogs && n_lines() < n; ++i) text.insert(0, read_from(older(i), 0));
  return text.substr(tail(text, n));
}

std::string LogReader::more() {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(file_, error);
  if (error) return {};  // between two files
  std::string text;
  if (size < n_read_) {  // a new file: what was left of the old one comes first
    text = read_from(older(1), n_read_);
    n_read_ = 0;
  }
  const std::string rest = read_from(file_, n_read_);
  n_read_ += rest.size();
  return text + rest;
}

}  // namespace hearth::cli

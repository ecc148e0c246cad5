// SPDX-License-Identifier: MIT
#include "cli/text_input.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/units.h"

namespace hearth::cli {

Result<std::string> read_text(const std::string& path) {
  constexpr size_t kMaxBytes = kGiB;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(nullptr, std::fclose);
  std::FILE* in = stdin;
  if (path != "-") {
    opened.reset(std::fopen(path.c_str(), "rb"));
    if (opened == nullptr) return io_error("{}: {}", path, std::strerror(errno));
    in = opened.get();
  }
  std::string text;
  char buffer[65536];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, in)) {
    if (text.size() + n > kMaxBytes) return over_limit("{} is larger than 1 GiB", path);
    text.append(buffer, n);
  }
  if (std::ferror(in) != 0) return io_error("{}: {}", path, std::strerror(errno));
  return text;
}

Result<std::vector<int32_t>> parse_token_ids(std::string_view text) {
  std::vector<int32_t> ids;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    while (at < end && (*at == ' ' || *at == ',')) ++at;
    if (at == end) break;
    int32_t id = 0;
    const auto [stop, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (stop < end && *stop != ',' && *stop != ' ') || id < 0) {
      const std::string_view rest(at, static_cast<size_t>(end - at));
      return with_hint(invalid("'{}' is no token id", rest.substr(0, rest.find_first_of(", "))),
                       "write ids as 1,2,3");
    }
    ids.push_back(id);
    at = stop;
  }
  if (ids.empty()) return invalid("no token ids given");
  return ids;
}

}  // namespace hearth::cli

// SPDX-License-Identifier: MIT
// See line_block.h.
#include "cli/line_block.h"

#include <utility>

namespace hearth::cli {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

// An odd number of backslashes at the end: the last one is not itself escaped.
bool ends_in_backslash(std::string_view line) {
  size_t n = 0;
  while (n < line.size() && line[line.size() - 1 - n] == '\\') ++n;
  return n % 2 == 1;
}

}  // namespace

bool LineBlock::feed(std::string_view line) {
  if (quoted_) return feed_quoted(line);
  if (!open_ && line.starts_with(kQuotes)) {
    open_ = quoted_ = true;
    line.remove_prefix(kQuotes.size());
    return line.empty() ? false : feed_quoted(line);
  }
  open_ = ends_in_backslash(line);
  if (open_) line.remove_suffix(1);
  text_ += line;
  if (open_) text_ += '\n';
  return !open_;
}

bool LineBlock::feed_quoted(std::string_view line) {
  if (!line.ends_with(kQuotes)) {
    text_ += line;
    text_ += '\n';
    return false;
  }
  line.remove_suffix(kQuotes.size());
  text_ += line;
  // Quotes alone on the last line close the block; the line break before them is not part of it.
  if (line.empty() && text_.ends_with('\n')) text_.pop_back();
  open_ = quoted_ = false;
  return true;
}

std::string LineBlock::take() {
  open_ = quoted_ = false;
  return std::exchange(text_, {});
}

}  // namespace hearth::cli

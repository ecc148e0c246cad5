// SPDX-License-Identifier: MIT
// Joins typed lines into one message: a backslash at the end of a line goes on with the next one,
// and three double quotes open a block that ends with three double quotes.
// In: lines without their line ends. Out: the text, once feed() says that it is complete.
#pragma once
#include <string>
#include <string_view>

namespace hearth::cli {

class LineBlock {
 public:
  // True when the message is complete: take() then gives it.
  bool feed(std::string_view line);

  // The message; the block is empty again.
  std::string take();

  // True between the first line of a message and its last.
  bool is_open() const { return open_; }

 private:
  bool feed_quoted(std::string_view line);

  std::string text_;
  bool open_ = false;
  bool quoted_ = false;
};

}  // namespace hearth::cli

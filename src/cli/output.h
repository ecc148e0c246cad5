// SPDX-License-Identifier: MIT
// Where a verb writes: facts to standard output (text, or JSON that is valid whatever bytes a model
// file held), notes and errors to standard error. One thread.
#pragma once
#include <fmt/core.h>

#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::cli {

class Output {
 public:
  // Borrows both streams.
  Output(std::FILE* out, std::FILE* err, bool json) : out_(out), err_(err), json_(json) {}

  // True where the user asked for --json: then a verb calls write_json once, and nothing else that
  // writes to standard output.
  bool json() const { return json_; }

  // Bytes to standard output as they are, and out of the buffer at once (an answer as it grows).
  void write(std::string_view text);
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    write(fmt::format(format, std::forward<Args>(args)...) + "\n");
  }
  // One line of JSON. Never throws: invalid UTF-8 becomes U+FFFD.
  void write_json(const nlohmann::json& value);

  // A line to standard error: progress, warnings.
  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    write_note(fmt::format(format, std::forward<Args>(args)...));
  }

  // "hearth: message; hint" to standard error, or with --json {"error":{…}} to standard output
  // unless the answer is there already.
  void write_error(const Error& error);

  // False after a write to standard output failed (a full disk).
  bool ok() const { return ok_; }

 private:
  void write_note(std::string_view text);

  std::FILE* out_;
  std::FILE* err_;
  bool json_;
  bool ok_ = true;
  bool answered_ = false;  // write_json was called
};

// JSON text that is valid UTF-8 whatever the strings inside hold; one line.
std::string json_text(const nlohmann::json& value);

// Text from a file or a user, made fit for a terminal: control characters, which could move the
// cursor or change colours, become '?'. Line breaks too.
std::string printable(std::string_view text);

}  // namespace hearth::cli

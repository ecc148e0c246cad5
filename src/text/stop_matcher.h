// SPDX-License-Identifier: MIT
// Stop strings in a stream of text: gives out what can no longer be part of a stop, and ends at the
// stop that is complete first, however the text was cut into pieces. Where two end at the same
// place, the longer one counts. A character is never given out in part (UTF-8 in, UTF-8 out).
// Source: Knuth, Morris, Pratt 1977, one automaton per stop. One stream, one thread.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

class StopMatcher {
 public:
  // Empty stops are ignored. Invalid UTF-8 in a stop becomes U+FFFD, as in the text.
  explicit StopMatcher(std::span<const std::string> stops);

  // Appends to `out` what of `text` and of what was held back may be shown. True where a stop was
  // found: it and all after it are not shown, and the stream is over until reset().
  bool push(std::string_view text, std::string& out);
  // The end of the text: gives out what was held back, as no stop came.
  void finish(std::string& out);
  void reset();

  bool stopped() const { return stopped_ >= 0; }
  // The stop that was found; needs stopped().
  std::string_view found() const { return stops_[static_cast<size_t>(stopped_)].text; }

 private:
  struct Stop {
    std::string text;
    std::vector<uint32_t> fallback;  // KMP: longest border of each prefix
    size_t n_matched = 0;            // prefix of `text` that the stream ends with
  };
  static void advance(Stop& stop, char c);

  std::vector<Stop> stops_;
  std::string held_;
  int64_t stopped_ = -1;
};

}  // namespace hearth::text

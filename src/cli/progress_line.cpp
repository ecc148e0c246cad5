// SPDX-License-Identifier: MIT
#include "cli/progress_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/units.h"
#include "os/terminal.h"

namespace hearth::cli {
namespace {

constexpr double kStepMs = 100;  // often enough to look alive, seldom enough to cost nothing

}  // namespace

ProgressLine::ProgressLine(std::string stage, ProgressUnit unit)
    : stage_(std::move(stage)), unit_(unit), visible_(os::wants_colour(os::Stream::kErr)) {}

ProgressLine::~ProgressLine() {
  if (visible_ && next_ms_ > 0) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::show(uint64_t done, uint64_t total) {
  const double now_ms = clock_.elapsed_ms();
  if (!visible_ || now_ms < next_ms_) return;
  next_ms_ = now_ms + kStepMs;
  const double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
  const auto amount = [&](uint64_t n) {
    return unit_ == ProgressUnit::kBytes ? format_bytes(n) : std::to_string(n);
  };
  std::string facts = fmt::format(" {:3.0f} %  {} of {}", 100 * share, amount(done), amount(total));
  if (unit_ == ProgressUnit::kBytes && now_ms > 0) {
    const double per_s = static_cast<double>(done) / now_ms * 1e3;
    facts += fmt::format("  {}/s", format_bytes(static_cast<uint64_t>(per_s)));
  }
  const int free = os::terminal_columns() - static_cast<int>(stage_.size() + facts.size()) - 4;
  std::string bar;
  if (free >= 10) {
    const auto filled = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * free);
    bar = " [" + std::string(filled, '#') + std::string(static_cast<size_t>(free) - filled, '.') +
          "]";
  }
  fmt::print(stderr, "\r{}{}{}\x1b[K", stage_, bar, facts);
  std::fflush(stderr);
}

}  // namespace hearth::cli

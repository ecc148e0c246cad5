// SPDX-License-Identifier: MIT
// See known_spellings.h.
#include "cli/known_spellings.h"

#include <string_view>

#include "cli/options.h"

namespace hearth::cli {
namespace {

constexpr struct {
  std::string_view short_form, long_form;
} kSpellings[] = {
    {"-ctk", "--cache-type-k"}, {"-ctv", "--cache-type-v"},        {"-np", "--parallel"},
    {"-sys", "--system"},       {"-sysf", "--system-prompt-file"},
};

}  // namespace

void expand_known_spellings(std::vector<std::string>& args, const CLI::App& app) {
  for (std::string& arg : args) {
    if (arg == "--") return;
    for (const auto& [short_form, long_form] : kSpellings) {
      if (arg == short_form && has_option(app, long_form)) arg = long_form;
    }
  }
}

}  // namespace hearth::cli

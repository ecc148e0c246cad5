// SPDX-License-Identifier: MIT
// ToyOptions from words, as scripts, lists of cases and make_toy_model write them:
//   [--seed N] [--format F] [--format-of ROLE=F] [--set KEY=VALUE] [--with TENSOR]
//   [--without TENSOR] [--tied] [--vocabulary]     ROLE: embedding, output, attention, ffn, router,
//   expert
#include <charconv>

#include "tests/support/toy_model.h"

namespace hearth::test {
namespace {

std::optional<arch::Role> role_named(std::string_view name) {
  using arch::Role;
  constexpr std::pair<std::string_view, Role> kRoles[] = {
      {"embedding", Role::kEmbedding}, {"output", Role::kOutput},
      {"attention", Role::kAttention}, {"ffn", Role::kFfn},
      {"router", Role::kRouter},       {"expert", Role::kExpert}};
  for (const auto& [text, role] : kRoles) {
    if (text == name) return role;
  }
  return std::nullopt;
}

Result<DType> format_named(std::string_view name) {
  const auto type = dtype_from_name(name);
  if (!type) return invalid("no weight format '{}'", name);
  return *type;
}

Status read_option(std::string_view option, const std::string& value, ToyOptions& options) {
  const size_t equals = value.find('=');
  const std::string left = value.substr(0, equals);
  const std::string right = equals == std::string::npos ? "" : value.substr(equals + 1);
  if (option == "--set") {
    if (equals == std::string::npos) return invalid("--set needs KEY=VALUE, not '{}'", value);
    options.set.emplace_back(left, right);
  } else if (option == "--with") {
    options.with.push_back(value);
  } else if (option == "--without") {
    options.without.push_back(value);
  } else if (option == "--format") {
    TRY_LET(options.format, format_named(value));
  } else if (option == "--format-of") {
    const auto role = role_named(left);
    if (!role) return invalid("no role '{}'", left);
    TRY_LET(options.format_of[*role], format_named(right));
  } else if (option == "--seed") {
    const char* const end = value.data() + value.size();
    if (std::from_chars(value.data(), end, options.seed).ptr != end) {
      return invalid("--seed needs a number, not '{}'", value);
    }
  } else {
    return invalid("no option '{}'", option);
  }
  return {};
}

}  // namespace

Status read_toy_options(const std::vector<std::string>& arguments, ToyOptions& options) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--tied") {
      options.tied = true;
    } else if (arguments[i] == "--vocabulary") {
      options.vocabulary = true;
    } else if (i + 1 < arguments.size()) {
      TRY(read_option(arguments[i], arguments[i + 1], options));
      ++i;
    } else {
      return invalid("'{}' needs a value", arguments[i]);
    }
  }
  return {};
}

}  // namespace hearth::test

// SPDX-License-Identifier: MIT
#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "base/nearest.h"

namespace hearth::cli {
namespace {

template <class T>
AddedOption add(CLI::App& app, const std::string& names, T& value, const std::string& help) {
  return AddedOption(app.add_option(names, value, help));
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

// What the parser found wrong, in our form: what, and what next.
Failure wrong_options(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    return invalid("{}", error.what());
  }
  const std::vector<std::string> extras = app.remaining(true);
  const std::string word = extras.empty() ? std::string() : extras.front();
  const bool is_option = word.size() > 1 && word[0] == '-';
  Failure failure = invalid("{} '{}'", is_option ? "unknown option" : "unexpected argument", word);
  const auto guess = nearest(word.substr(0, word.find('=')), option_names(app));
  return guess ? with_hint(std::move(failure), "did you mean {}?", *guess) : failure;
}

}  // namespace

const AddedOption& AddedOption::required() const {
  option_->required();
  return *this;
}
const AddedOption& AddedOption::shows_default() const {
  option_->capture_default_str();
  return *this;
}
const AddedOption& AddedOption::within(int64_t least, int64_t most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}
const AddedOption& AddedOption::one_of(std::initializer_list<const char*> words) const {
  option_->check(CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
  return *this;
}
const AddedOption& AddedOption::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}
const AddedOption& AddedOption::group(const std::string& name) const {
  option_->group(name);
  return *this;
}
const AddedOption& AddedOption::commas_separate() const {
  option_->delimiter(',');
  return *this;
}
const AddedOption& AddedOption::one_value_each() const {
  option_->allow_extra_args(false);
  return *this;
}

AddedOption add_option(CLI::App& app, const std::string& names, std::string& value,
                       const std::string& help) {
  return add(app, names, value, help);
}
AddedOption add_option(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                       const std::string& help) {
  return add(app, names, values, help);
}
AddedOption add_option(CLI::App& app, const std::string& names, std::vector<int>& values,
                       const std::string& help) {
  return add(app, names, values, help);
}
AddedOption add_option(CLI::App& app, const std::string& names, int& value,
                       const std::string& help) {
  return add(app, names, value, help);
}
AddedOption add_option(CLI::App& app, const std::string& names, int64_t& value,
                       const std::string& help) {
  return add(app, names, value, help);
}
AddedOption add_option(CLI::App& app, const std::string& names, uint64_t& value,
                       const std::string& help) {
  return add(app, names, value, help);
}
AddedOption add_flag(CLI::App& app, const std::string& names, bool& value,
                     const std::string& help) {
  return AddedOption(app.add_flag(names, value, help));
}

AddedOption add_option_call(CLI::App& app, const std::string& names,
                            std::function<void(const std::string&)> set, const std::string& help) {
  return AddedOption(app.add_option_function<std::string>(names, std::move(set), help));
}
AddedOption add_list_call(CLI::App& app, const std::string& names,
                          std::function<void(const std::vector<std::string>&)> set,
                          const std::string& help) {
  return AddedOption(
      app.add_option_function<std::vector<std::string>>(names, std::move(set), help));
}

size_t times_given(const CLI::App& app, const std::string& name) { return app.count(name); }

bool has_option(const CLI::App& app, std::string_view name) {
  return app.get_option_no_throw(std::string(name)) != nullptr;
}

OptionParser::OptionParser() : app_(std::make_unique<CLI::App>()) {}
OptionParser::~OptionParser() = default;

void OptionParser::describe(const std::string& name, const std::string& summary,
                            const std::string& footer) {
  app_->name(name);
  app_->description(summary);
  app_->footer(footer);
}

Result<OptionParser::Parsed> OptionParser::parse(std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // the library takes the last first
  try {
    app_->parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return Parsed::kHelp;
  } catch (const CLI::ParseError& error) {
    return wrong_options(*app_, error);
  }
  return Parsed::kOptions;
}

std::string OptionParser::help() const { return app_->help(); }

}  // namespace hearth::cli

// SPDX-License-Identifier: MIT
// The options and arguments of a verb, bound to its members. A thin door to the option parser
// library: its header takes seconds to compile, so that one file alone includes it. One thread.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace hearth::cli {

// An option just added, to say more about it. Lives as long as its App.
class AddedOption {
 public:
  explicit AddedOption(CLI::Option* option) : option_(option) {}
  const AddedOption& required() const;
  const AddedOption& shows_default() const;  // the help page shows the value that it has now
  const AddedOption& within(int64_t least, int64_t most) const;
  const AddedOption& one_of(std::initializer_list<const char*> words) const;
  const AddedOption& type_name(const std::string& name) const;  // "N" in the help page
  const AddedOption& group(const std::string& name) const;      // its heading there
  const AddedOption& commas_separate() const;                   // the values of a list
  const AddedOption& one_value_each() const;  // of a list: the next word is another argument

 private:
  CLI::Option* option_;
};

// `names`: "-t,--threads", or "FILE" for an argument by position. `value` outlives the parsing and
// keeps what it has where the user says nothing.
AddedOption add_option(CLI::App& app, const std::string& names, std::string& value,
                       const std::string& help);
AddedOption add_option(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                       const std::string& help);
AddedOption add_option(CLI::App& app, const std::string& names, std::vector<int>& values,
                       const std::string& help);
AddedOption add_option(CLI::App& app, const std::string& names, int& value,
                       const std::string& help);
AddedOption add_option(CLI::App& app, const std::string& names, int64_t& value,
                       const std::string& help);
AddedOption add_option(CLI::App& app, const std::string& names, uint64_t& value,
                       const std::string& help);
AddedOption add_flag(CLI::App& app, const std::string& names, bool& value, const std::string& help);

// Calls `set` with the text, or with all texts of a list, while the command line is parsed.
AddedOption add_option_call(CLI::App& app, const std::string& names,
                            std::function<void(const std::string&)> set, const std::string& help);
AddedOption add_list_call(CLI::App& app, const std::string& names,
                          std::function<void(const std::vector<std::string>&)> set,
                          const std::string& help);

// How often the user gave the option.
size_t times_given(const CLI::App& app, const std::string& name);
bool has_option(const CLI::App& app, std::string_view name);

// One command line's parser.
class OptionParser {
 public:
  OptionParser();
  ~OptionParser();
  // What the help page says above and below the options. `name`: "hearth run".
  void describe(const std::string& name, const std::string& summary, const std::string& footer);
  CLI::App& app() { return *app_; }

  enum class Parsed { kOptions, kHelp };  // kHelp: --help was given, nothing else is checked
  // Errors (kInvalid) say what is wrong and, of an option that does not exist, which one is near.
  Result<Parsed> parse(std::vector<std::string> words);
  std::string help() const;

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace hearth::cli

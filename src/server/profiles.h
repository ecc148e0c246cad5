// SPDX-License-Identifier: MIT
// Models that a user made of others: another name, with a system text, a template and parameters
// of its own. One small file, HEARTH_HOME/profiles.json, replaced as a whole. Thread rule: one
// thread an object; processes wait for each other when they write.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/json_out.h"

namespace hearth::server {

struct Profile {
  std::string name;  // hub::is_model_name
  std::string from;  // the model below it, never another profile
  std::string system, chat_template, licence;
  Json parameters = Json::object();  // by the names of Ollama's options
  Json messages = Json::array();     // before those of a request
  int64_t created_unix_s = 0;
};

class Profiles {
 public:
  explicit Profiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
  static Result<Profiles> of_user();

  Result<std::vector<Profile>> list() const;
  // By name; "name:latest" is name, "name:tag" is name-tag. Nothing where there is none, or the
  // file cannot be read (which is logged).
  std::optional<Profile> find(std::string_view name) const;
  Status put(Profile profile);  // replaces one of the same name
  Status remove(std::string_view name);

  // The name as it is kept. Errors: kInvalid.
  static Result<std::string> normal_name(std::string_view name);

 private:
  std::filesystem::path file() const { return folder_ / "profiles.json"; }
  Status write(const std::vector<Profile>& profiles) const;

  std::filesystem::path folder_;
};

}  // namespace hearth::server

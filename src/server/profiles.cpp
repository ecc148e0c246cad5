// SPDX-License-Identifier: MIT
#include "server/profiles.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "base/quote.h"
#include "hub/model_name.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/file_lock.h"
#include "text/messages.h"

namespace hearth::server {
namespace {

constexpr size_t kMaxProfiles = 1000;
constexpr uintmax_t kMaxProfileBytes = 32u << 20;

Json to_json(const Profile& profile) {
  return {{"name", profile.name},         {"from", profile.from},
          {"system", profile.system},     {"template", profile.chat_template},
          {"licence", profile.licence},   {"parameters", profile.parameters},
          {"messages", profile.messages}, {"created", profile.created_unix_s}};
}

Result<Profile> from_json(const Json& json) {
  if (!json.is_object()) return corrupt("a profile is not an object");
  Profile profile{.name = text_in(json, "name"),
                  .from = text_in(json, "from"),
                  .system = text_in(json, "system"),
                  .chat_template = text_in(json, "template"),
                  .licence = text_in(json, "licence")};
  if (!hub::is_model_name(profile.name) || profile.from.empty())
    return corrupt("a profile has no name or no model below it");
  if (const auto found = json.find("parameters"); found != json.end() && found->is_object())
    profile.parameters = *found;
  if (const auto found = json.find("messages"); found != json.end() && found->is_array())
    profile.messages = *found;
  if (const auto found = json.find("created"); found != json.end() && found->is_number_integer())
    profile.created_unix_s = found->get<int64_t>();
  return profile;
}

}  // namespace

Result<Profiles> Profiles::of_user() {
  TRY_LET(std::filesystem::path home, os::hearth_home());
  return Profiles(std::move(home));
}

Result<std::string> Profiles::normal_name(std::string_view name) {
  std::string normal(name);
  if (normal.ends_with(":latest")) normal.resize(normal.size() - 7);
  std::replace(normal.begin(), normal.end(), ':', '-');
  std::replace(normal.begin(), normal.end(), '/', '-');
  if (!hub::is_model_name(normal))
    return with_hint(invalid("{} is no name for a model", quote(name)),
                     "letters, digits, '.', '_' and '-', a letter or digit first");
  return normal;
}

Result<std::vector<Profile>> Profiles::list() const {
  std::error_code failed;
  const uintmax_t n_bytes = std::filesystem::file_size(file(), failed);
  if (failed == std::errc::no_such_file_or_directory) return std::vector<Profile>{};
  if (failed) return io_error("{}: {}", file().string(), failed.message());
  if (n_bytes > kMaxProfileBytes) return corrupt("{} is too long", file().string());
  std::ifstream in(file(), std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return io_error("cannot read {}", file().string());
  TRY_LET(const Json json, within(file().string(), text::parse_exact_json(text.str())));
  if (!json.is_array()) return corrupt("{} is not a JSON array", file().string());
  std::vector<Profile> all;
  for (const Json& item : json) {
    auto profile = from_json(item);
    if (!profile) return Failure(within(file().string(), std::move(profile).error()));
    all.push_back(std::move(*profile));
  }
  return all;
}

std::optional<Profile> Profiles::find(std::string_view name) const {
  const auto normal = normal_name(name);
  if (!normal) return {};
  auto all = list();
  if (!all) {
    log_error("profiles: {}", all.error().message);
    return {};
  }
  for (Profile& profile : *all) {
    if (profile.name == *normal) return std::move(profile);
  }
  return {};
}

Status Profiles::write(const std::vector<Profile>& profiles) const {
  Json json = Json::array();
  for (const Profile& profile : profiles) json.push_back(to_json(profile));
  const std::string text = json_text(json) + "\n";
  if (text.size() > kMaxProfileBytes) return over_limit("the texts of all profiles are too long");
  return os::write_file(file(), text, os::Readers::kOwner);
}

Status Profiles::put(Profile profile) {
  TRY(os::make_folders(folder_));
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(folder_ / ".profiles.lock"));
  TRY_LET(std::vector<Profile> all, list());
  std::erase_if(all, [&](const Profile& old) { return old.name == profile.name; });
  if (all.size() >= kMaxProfiles) return over_limit("there are {} profiles already", all.size());
  all.push_back(std::move(profile));
  return write(all);
}

Status Profiles::remove(std::string_view name) {
  TRY_LET(const std::string normal, normal_name(name));
  TRY(os::make_folders(folder_));
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(folder_ / ".profiles.lock"));
  TRY_LET(std::vector<Profile> all, list());
  if (std::erase_if(all, [&](const Profile& old) { return old.name == normal; }) == 0)
    return not_found("no model {}", quote(name));
  return write(all);
}

}  // namespace hearth::server

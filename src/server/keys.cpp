// SPDX-License-Identifier: MIT
#include "server/keys.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/json.h"
#include "base/log.h"
#include "base/quote.h"
#include "hub/json_field.h"
#include "hub/sha256.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/file_lock.h"

namespace hearth::server {
namespace {

constexpr size_t kMaxKeys = 1000;
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxKeyTextBytes = 256;
constexpr uintmax_t kMaxKeyFileBytes = 1u << 20;

std::string hash(std::string_view text) {
  hub::Sha256 sha;
  sha.add({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  return sha.hex();
}

template <size_t N>
Result<std::array<uint8_t, N>> random_bytes() {
  std::array<uint8_t, N> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(N)) != 1)
    return io_error("the system gives no random numbers");
  return bytes;
}

template <size_t N>
std::string hex(const std::array<uint8_t, N>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Looks at all bytes, whatever they are.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i)
    difference =
        difference | static_cast<unsigned>(static_cast<uint8_t>(a[i]) ^ static_cast<uint8_t>(b[i]));
  return difference == 0;
}

nlohmann::json to_json(const Key& key) {
  nlohmann::json scopes = nlohmann::json::array();
  if (key.inference) scopes.push_back("inference");
  if (key.admin) scopes.push_back("admin");
  return {{"id", key.id},
          {"name", key.name},
          {"sha256", key.sha256},
          {"scopes", scopes},
          {"created", key.created_unix_s}};
}

Result<Key> from_json(const nlohmann::json& json) {
  if (!json.is_object()) return corrupt("a key is not an object");
  const auto id = hub::text_field(json, "id");
  const auto sha256 = hub::text_field(json, "sha256");
  if (!id || id->empty() || !sha256 || sha256->size() != 64)
    return corrupt("a key has no 'id' or no 'sha256' of 64 digits");
  Key key{.id = *id,
          .name = hub::text_field(json, "name").value_or(""),
          .sha256 = *sha256,
          .inference = false};
  key.created_unix_s = static_cast<int64_t>(hub::count_field(json, "created").value_or(0));
  for (const auto& scope : hub::list_field(json, "scopes")) {
    if (scope == "inference") key.inference = true;
    if (scope == "admin") key.admin = true;
  }
  return key;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

Result<KeyStore> KeyStore::of_user() {
  TRY_LET(std::filesystem::path home, os::hearth_home());
  return KeyStore(std::move(home));
}

Result<std::vector<Key>> KeyStore::list() const {
  std::error_code failed;
  const uintmax_t n_bytes = std::filesystem::file_size(file(), failed);
  if (failed == std::errc::no_such_file_or_directory) return std::vector<Key>{};
  if (failed) return io_error("{}: {}", file().string(), failed.message());
  if (n_bytes > kMaxKeyFileBytes) return corrupt("{} is too long", file().string());
  std::ifstream in(file(), std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return io_error("cannot read {}", file().string());
  const nlohmann::json json = parse_json(text.str());
  if (!json.is_object()) return corrupt("{} is not a JSON object", file().string());
  std::vector<Key> keys;
  for (const auto& item : hub::list_field(json, "keys")) {
    auto key = from_json(item);
    if (!key) return Failure(within(file().string(), std::move(key).error()));
    keys.push_back(std::move(*key));
  }
  return keys;
}

Status KeyStore::write(const std::vector<Key>& keys) const {
  nlohmann::json list = nlohmann::json::array();
  for (const Key& key : keys) list.push_back(to_json(key));
  const std::string text =
      nlohmann::json{{"keys", list}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
      "\n";
  return os::write_file(file(), text, os::Readers::kOwner);
}

Result<NewKey> KeyStore::add(std::string_view name, bool inference, bool admin) {
  if (name.size() > kMaxNameBytes || !is_printable(name))
    return invalid("the name of a key has at most {} printable letters", kMaxNameBytes);
  TRY(os::make_folders(folder_));
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(folder_ / ".keys.lock"));
  TRY_LET(std::vector<Key> keys, list());
  if (keys.size() >= kMaxKeys) return over_limit("there are {} keys already", keys.size());
  TRY_LET(const auto secret, random_bytes<32>());
  TRY_LET(const auto label, random_bytes<4>());
  NewKey made{.text = "hk-" + hex(secret)};
  made.key = {.id = "k" + hex(label),
              .name = std::string(name),
              .sha256 = hash(made.text),
              .inference = inference,
              .admin = admin,
              .created_unix_s = std::time(nullptr)};
  keys.push_back(made.key);
  TRY(write(keys));
  return made;
}

Result<Key> KeyStore::revoke(std::string_view id_or_name) {
  TRY(os::make_folders(folder_));
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(folder_ / ".keys.lock"));
  TRY_LET(std::vector<Key> keys, list());
  auto found =
      std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.id == id_or_name; });
  if (found == keys.end()) {
    const auto named = [&](const Key& key) { return key.name == id_or_name; };
    if (std::count_if(keys.begin(), keys.end(), named) > 1)
      return with_hint(invalid("several keys are called {}", quote(id_or_name)),
                       "name its id, as hearth key list shows it");
    found = std::find_if(keys.begin(), keys.end(), named);
  }
  if (found == keys.end())
    return with_hint(not_found("no key {}", quote(id_or_name)), "see hearth key list");
  const Key revoked = *found;
  keys.erase(found);
  TRY(write(keys));
  return revoked;
}

void KeyStore::refresh() {
  std::error_code failed;
  const auto time = std::filesystem::last_write_time(file(), failed);
  const uintmax_t n_bytes = failed ? 0 : std::filesystem::file_size(file(), failed);
  if (failed) {
    known_.clear();
    seen_bytes_ = 0;
    return;
  }
  if (time == seen_time_ && n_bytes == seen_bytes_) return;
  auto keys = list();
  if (!keys) {
    log_error("keys: {}", keys.error().message);
    known_.clear();
    return;
  }
  known_ = std::move(*keys);
  seen_time_ = time;
  seen_bytes_ = n_bytes;
}

void KeyStore::allow(std::string_view text) {
  allowed_ = Key{.id = "given", .name = "--api-key", .sha256 = hash(text), .admin = true};
}

std::optional<Key> KeyStore::match(std::string_view text) {
  refresh();
  if (text.empty() || text.size() > kMaxKeyTextBytes) return {};
  const std::string digest = hash(text);
  std::optional<Key> matched;
  for (const Key& key : known_) {
    if (equal_in_constant_time(key.sha256, digest)) matched = key;
  }
  if (allowed_ && equal_in_constant_time(allowed_->sha256, digest)) matched = allowed_;
  return matched;
}

bool KeyStore::any() {
  refresh();
  return !known_.empty();
}

}  // namespace hearth::server

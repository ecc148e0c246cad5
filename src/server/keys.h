// SPDX-License-Identifier: MIT
// The keys of this server's users: 256 random bits each, shown once, kept as SHA-256, with the
// powers that they give (RELIABILITY D4, D5). One file, HEARTH_HOME/keys.json, readable by its
// owner alone, replaced as a whole; a running server sees a change with its next request. Thread
// rule: one thread an object; processes wait for each other when they write.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::server {

struct Key {
  std::string id;      // "k3f9a01c", names it in lists and logs
  std::string name;    // for people
  std::string sha256;  // of the key's text, 64 hex digits
  bool inference = true;
  bool admin = false;
  int64_t created_unix_s = 0;
};

struct NewKey {
  Key key;
  std::string text;  // "hk-…": nobody can read it again
};

class KeyStore {
 public:
  explicit KeyStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // In HEARTH_HOME.
  static Result<KeyStore> of_user();

  // All keys, oldest first. An absent file holds none; a damaged one is an error.
  Result<std::vector<Key>> list() const;
  Result<NewKey> add(std::string_view name, bool inference, bool admin);
  // By id, or by name where only one key has it. Errors: kNotFound.
  Result<Key> revoke(std::string_view id_or_name);

  // One more key with all powers, of this object alone: it is not kept.
  void allow(std::string_view text);

  // The key with this text. Compares with every key in a time that does not tell where they differ.
  // Where the file cannot be read, nobody is let in.
  std::optional<Key> match(std::string_view text);
  bool any();

 private:
  std::filesystem::path file() const { return folder_ / "keys.json"; }
  Status write(const std::vector<Key>& keys) const;
  void refresh();

  std::filesystem::path folder_;
  std::vector<Key> known_;  // of the file
  std::optional<Key> allowed_;
  std::filesystem::file_time_type seen_time_{};
  uintmax_t seen_bytes_ = 0;
};

}  // namespace hearth::server

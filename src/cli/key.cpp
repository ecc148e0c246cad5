// SPDX-License-Identifier: MIT
// hearth key: the keys that programs and people show to hearth serve.
#include <fmt/chrono.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "cli/verb.h"
#include "server/keys.h"

namespace hearth::cli {
namespace {

std::string powers(const server::Key& key) {
  if (key.inference && key.admin) return "inference, admin";
  if (key.admin) return "admin";
  return key.inference ? "inference" : "none";
}

nlohmann::json as_json(const server::Key& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"inference", key.inference},
          {"admin", key.admin},
          {"created", key.created_unix_s}};
}

class KeyVerb final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "ACTION", action_, "add, list or revoke")
        .required()
        .one_of({"add", "list", "revoke"});
    add_option(app, "NAME", name_, "The key's name; to revoke one, its name or id");
    add_flag(app, "--admin", admin_, "It may also change what others see: models, downloads");
    add_flag(app, "--no-inference", no_inference_, "It may not ask models");
  }

  Status check() override {
    if (action_ != "list" && name_.empty()) return invalid("hearth key {} wants a NAME", action_);
    if (action_ == "add" && no_inference_ && !admin_)
      return invalid("such a key would have no power at all");
    return {};
  }

  Status run(Output& out) override {
    TRY_LET(server::KeyStore keys, server::KeyStore::of_user());
    if (action_ == "add") return add(out, keys);
    if (action_ == "revoke") return revoke(out, keys);
    TRY_LET(const std::vector<server::Key> all, keys.list());
    if (out.json()) {
      nlohmann::json list = nlohmann::json::array();
      for (const server::Key& key : all) list.push_back(as_json(key));
      out.write_json({{"keys", list}});
      return {};
    }
    if (all.empty()) out.note("no keys; make one with: hearth key add NAME");
    if (!all.empty()) out.line("{:<10}  {:<20}  {:<16}  {}", "ID", "NAME", "MAY", "CREATED");
    for (const server::Key& key : all) {
      out.line("{:<10}  {:<20}  {:<16}  {:%Y-%m-%d}", printable(key.id), printable(key.name),
               powers(key), fmt::localtime(static_cast<std::time_t>(key.created_unix_s)));
    }
    return {};
  }

 private:
  Status add(Output& out, server::KeyStore& keys) {
    TRY_LET(const server::NewKey made, keys.add(name_, !no_inference_, admin_));
    if (out.json()) {
      nlohmann::json json = as_json(made.key);
      json["key"] = made.text;
      out.write_json(json);
      return {};
    }
    out.line("{}", made.text);
    out.note("key {} for {} may: {}; it is shown this once", made.key.id, printable(name_),
             powers(made.key));
    return {};
  }

  Status revoke(Output& out, server::KeyStore& keys) {
    TRY_LET(const server::Key gone, keys.revoke(name_));
    if (out.json()) {
      out.write_json({{"revoked", as_json(gone)}});
    } else {
      out.line("revoked {} ({})", gone.id, printable(gone.name));
    }
    return {};
  }

  std::string action_, name_;
  bool admin_ = false, no_inference_ = false;
};

}  // namespace

VerbInfo verb_key() {
  return {.name = "key",
          .summary = "Keys for programs that ask hearth serve",
          .examples =
              "hearth key add laptop\nhearth key add me --admin\nhearth key list\n"
              "hearth key revoke laptop",
          .has_json = true,
          .make = make_verb<KeyVerb>};
}

}  // namespace hearth::cli

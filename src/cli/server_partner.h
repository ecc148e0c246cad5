// SPDX-License-Identifier: MIT
// A running hearth serve that has the model answers in place of this process, which then needs not
// load it. In: the options of hearth run. Out: a Partner over POST /v1/chat/completions, with the
// same sampler settings, so that one seed gives one answer here and there. One thread.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/chat_partner.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "server/http/client.h"

namespace hearth::cli {

class ServerPartner final : public Partner {
 public:
  // Empty where nobody listens, or who does has not this model or does not let us in; the latter is
  // told. Only this machine's own addresses count, but for HEARTH_HOST, which a person set for
  // hearth: a prompt goes nowhere by accident.
  static std::unique_ptr<ServerPartner> find(const RunOptions& options, Output& out);

  std::string name() const override { return options_.model; }
  int64_t n_ctx() const override { return 0; }
  Result<PartnerAnswer> answer(const nlohmann::ordered_json& messages,
                               FunctionRef<void(std::string_view)> on_text) override;
  void tell(Output& out) const override;

  std::string url() const;
  // What `--json` prints of the newest answer, with the members of answer_json.
  nlohmann::json json_of(const PartnerAnswer& answer) const;

 private:
  class Reader;
  ServerPartner(const RunOptions& options, http::ServerAddress server)
      : options_(options), server_(std::move(server)) {}
  Result<nlohmann::ordered_json> request(const nlohmann::ordered_json& messages) const;

  RunOptions options_;
  http::ServerAddress server_;
  nlohmann::json tokens_, timings_;  // of the newest answer
};

// Whether the options ask for what only a model in this process has: tokens or text as they are,
// logprobs, threads, formats of the cache, DRY's breakers.
bool needs_own_process(const RunOptions& options);

}  // namespace hearth::cli

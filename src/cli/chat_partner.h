// SPDX-License-Identifier: MIT
// Who answers a conversation: a model in this process, or a running server (server_partner.h). In:
// messages as a chat template wants them. Out: the answer's text as it grows, then what it cost.
// One thread.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "cli/answer.h"
#include "cli/output.h"

namespace hearth::cli {

struct PartnerAnswer {
  std::string text, finish_reason;
  int64_t n_prompt = 0, n_cached = 0, n_answer = 0;  // tokens
  double prefill_tps = 0, decode_tps = 0;
  std::vector<std::string> warnings;
};

class Partner {
 public:
  virtual ~Partner() = default;
  virtual std::string name() const = 0;
  virtual int64_t n_ctx() const = 0;  // 0: unknown
  // Ctrl-C ends it early. Errors: kLimit where the conversation leaves no room for an answer.
  virtual Result<PartnerAnswer> answer(const nlohmann::ordered_json& messages,
                                       FunctionRef<void(std::string_view)> on_text) = 0;
  // Lines about the model and its memory.
  virtual void tell(Output& out) const = 0;
};

// A model in this process.
class LocalPartner final : public Partner {
 public:
  // The answerer must outlive it.
  explicit LocalPartner(Answerer& answerer) : answerer_(answerer) {}

  std::string name() const override { return answerer_.model().name; }
  int64_t n_ctx() const override { return answerer_.engine().n_ctx(); }
  Result<PartnerAnswer> answer(const nlohmann::ordered_json& messages,
                               FunctionRef<void(std::string_view)> on_text) override;
  void tell(Output& out) const override;

 private:
  Answerer& answerer_;
};

}  // namespace hearth::cli

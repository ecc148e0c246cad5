// SPDX-License-Identifier: MIT
#include "cli/chat_partner.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/units.h"
#include "os/memory.h"

namespace hearth::cli {

Result<PartnerAnswer> LocalPartner::answer(const nlohmann::ordered_json& messages,
                                           FunctionRef<void(std::string_view)> on_text) {
  TRY_LET(std::vector<int32_t> tokens, answerer_.encode_messages(messages));
  if (static_cast<int64_t>(tokens.size()) >= n_ctx()) {
    return over_limit("the conversation has {} tokens, the context holds {}", tokens.size(),
                      n_ctx());
  }
  TRY_LET(engine::GenerateResult result, answerer_.answer(std::move(tokens), on_text));
  PartnerAnswer answer;
  answer.finish_reason = engine::finish_reason_name(result.finish);
  answer.n_prompt = result.n_prompt;
  answer.n_cached = result.n_cached;
  answer.n_answer = static_cast<int64_t>(result.tokens.size());
  answer.prefill_tps = result.prefill_tps();
  answer.decode_tps = result.decode_tps();
  answer.text = std::move(result.text);
  answer.warnings = std::move(result.warnings);
  return answer;
}

void LocalPartner::tell(Output& out) const {
  engine::Engine& engine = answerer_.engine();
  out.line("model     {} on {}", answerer_.model().name, engine.backend_name());
  out.line("loaded in {}", format_ms(answerer_.model().load_ms));
  out.line("memory    {} cache reserved, {} work space, {} resident beside the model file",
           format_bytes(engine.kv_bytes()), format_bytes(engine.scratch_bytes()),
           format_bytes(os::anonymous_resident_bytes()));
}

}  // namespace hearth::cli

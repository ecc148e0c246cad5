// SPDX-License-Identifier: MIT
// hearth show: what a model file says about itself, in words first.
#include <nlohmann/json.hpp>

#include "arch/model_graph.h"
#include "base/units.h"
#include "cli/verb.h"
#include "file/model_facts.h"
#include "hub/store.h"

namespace hearth::cli {
namespace {

std::string tokenizer_words(std::string_view kind) {
  if (kind == "gpt2") return "byte-level BPE";
  if (kind == "llama") return "SentencePiece";
  if (kind == "bert") return "WordPiece";
  if (kind == "t5") return "Unigram";
  return kind.empty() ? "none" : printable(kind);
}

// What a model is asked for.
std::string_view kind_words(const file::ModelFacts& facts) {
  if (facts.reranks) return "reranker";
  const arch::ArchSpec* const spec = arch::find_architecture(facts.arch);
  return spec != nullptr && spec->encoder ? "embedding model" : "language model";
}

void add_number(nlohmann::json& json, const char* key, const std::optional<int64_t>& value) {
  if (value) json[key] = *value;
}

nlohmann::json as_json(const hub::ResolvedModel& found, const file::Gguf& model,
                       const file::ModelFacts& facts) {
  nlohmann::json json = {{"name", found.name},
                         {"file", found.file.string()},
                         {"format", "gguf"},
                         {"version", model.version()},
                         {"parts", model.parts().size()},
                         {"bytes", model.file_bytes()},
                         {"arch", facts.arch},
                         {"kind", kind_words(facts)},
                         {"title", facts.name},
                         {"licence", facts.licence},
                         {"quant", facts.quant},
                         {"parameters", facts.n_parameters},
                         {"tokenizer", {{"model", facts.tokenizer}, {"pre", facts.pre_tokenizer}}},
                         {"has_template", !facts.chat_template.empty()},
                         {"template", facts.chat_template},
                         {"tensors", nlohmann::json::array()}};
  if (facts.n_vocab) json["tokenizer"]["vocab"] = *facts.n_vocab;
  add_number(json, "context_length", facts.context_length);
  add_number(json, "layers", facts.n_layers);
  add_number(json, "width", facts.width);
  add_number(json, "heads", facts.n_heads);
  add_number(json, "kv_heads", facts.n_kv_heads);
  add_number(json, "feed_forward", facts.ff_width);
  add_number(json, "experts", facts.n_experts);
  add_number(json, "experts_used", facts.n_experts_used);
  add_number(json, "window", facts.window);
  for (const file::FormatShare& share : facts.formats) {
    json["tensors"].push_back({{"type", share.name},
                               {"count", share.n_tensors},
                               {"bytes", share.n_bytes},
                               {"supported", share.usable}});
  }
  return json;
}

std::string template_words(const file::ModelFacts& facts) {
  if (!facts.chat_template.empty()) {
    return fmt::format("for chats, {} bytes of code from the file", facts.chat_template.size());
  }
  const bool writes = kind_words(facts) == "language model";
  return writes ? "none: the model continues a text" : "none: the model writes no text";
}

std::string number_words(const std::optional<int64_t>& value) {
  return value ? std::to_string(*value) : "?";
}

void write_sizes(Output& out, const file::ModelFacts& facts) {
  out.line("  Context       {} tokens{}", number_words(facts.context_length),
           facts.window && *facts.window > 0
               ? fmt::format(", some layers see the last {} only", *facts.window)
               : "");
  out.line(
      "  Sizes         {} layers, width {}, {} heads ({} for keys and values), "
      "feed-forward {}",
      number_words(facts.n_layers), number_words(facts.width), number_words(facts.n_heads),
      number_words(facts.n_kv_heads ? facts.n_kv_heads : facts.n_heads),
      number_words(facts.ff_width));
  if (facts.n_experts && *facts.n_experts > 0) {
    out.line("  Experts       {}, of which {} work on a token", *facts.n_experts,
             number_words(facts.n_experts_used));
  }
}

void write_words(Output& out, const hub::ResolvedModel& found, const file::Gguf& model,
                 const file::ModelFacts& facts) {
  out.line("{}: {}, a {} {} of {} parameters in {}, {}", found.name,
           facts.name.empty() ? "without a title" : printable(facts.name),
           facts.arch.empty() ? "nameless" : printable(facts.arch), kind_words(facts),
           format_count(facts.n_parameters), facts.quant.empty() ? "?" : printable(facts.quant),
           format_bytes(model.file_bytes()));
  out.line("");
  write_sizes(out, facts);
  out.line("  Tokenizer     {}{}{}", tokenizer_words(facts.tokenizer),
           facts.pre_tokenizer.empty() ? "" : " (" + printable(facts.pre_tokenizer) + ")",
           facts.n_vocab ? fmt::format(", {} tokens", *facts.n_vocab) : "");
  out.line("  Template      {}", template_words(facts));
  out.line("  Licence       {}",
           facts.licence.empty() ? "the file does not say" : printable(facts.licence));
  out.line("  File          {} (GGUF v{}{})", printable(found.file.string()), model.version(),
           model.parts().size() > 1 ? fmt::format(", {} parts", model.parts().size()) : "");
  out.line("");
  out.line("  {:<10} {:>8} {:>12}", "TENSORS", "COUNT", "SIZE");
  for (const file::FormatShare& share : facts.formats) {
    out.line("  {:<10} {:>8} {:>12}", share.name, share.n_tensors,
             share.usable ? format_bytes(share.n_bytes) : "not supported");
  }
}

class Show final : public Verb {
 public:
  void add_options(CLI::App& app) override { add_model_argument(app, model_); }

  Status run(Output& out) override {
    TRY_LET(const hub::Store store, hub::Store::of_user());
    TRY_LET(const hub::ResolvedModel found, store.resolve(model_));
    TRY_LET(const file::Gguf model, file::Gguf::open(found.file));
    file::ModelFacts facts = file::facts_of(model);
    if (facts.licence.empty()) facts.licence = found.licence;
    if (out.json()) {
      out.write_json(as_json(found, model, facts));
    } else {
      write_words(out, found, model, facts);
    }
    return {};
  }

 private:
  std::string model_;
};

}  // namespace

VerbInfo verb_show() {
  return {.name = "show",
          .summary = "What a model is: architecture, sizes, tokenizer, formats",
          .examples = "hearth show smollm2-135m\nhearth show ./model.gguf --json",
          .has_json = true,
          .make = make_verb<Show>};
}

}  // namespace hearth::cli

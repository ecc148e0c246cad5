// SPDX-License-Identifier: MIT
// Each pattern stands above its table in the notation of regular expressions. Where published
// patterns and llama.cpp differ (case classes of tekken and gpt-4o are ASCII only there), its
// reading is followed: token ids equal to it are what models are run with.
#include "text/pre_tokenizer.h"

#include "base/quote.h"
#include "text/pre_tokenizer_ranges.h"

namespace hearth::text {
namespace {

constexpr CharSet of(uint32_t any, uint32_t none = 0) { return {any, none}; }
constexpr CharSet all_but(uint32_t none) { return {kAnyChar, none}; }
constexpr Run some(CharSet set) { return {set, 1, UINT32_MAX}; }
constexpr Run any(CharSet set) { return {set, 0, UINT32_MAX}; }
constexpr Run maybe(CharSet set) { return {set, 0, 1}; }
constexpr Run times(CharSet set, uint32_t min, uint32_t max) { return {set, min, max}; }

using Tail = Alternative::Tail;
template <class... Runs>
constexpr Alternative runs(Tail tail, Runs... parts) {
  return {Alternative::Kind::kRuns, tail, sizeof...(parts), {parts...}};
}
template <class... Runs>
constexpr Alternative match(Runs... parts) {
  return runs(Tail::kNone, parts...);
}
constexpr SplitPass find(std::span<const Alternative> alternatives) {
  return {SplitPass::Kind::kFind, alternatives};
}

constexpr CharSet kLetter = of(kLetterChar);
constexpr CharSet kNumber = of(kNumberChar);
constexpr CharSet kSpace = of(kSpaceChar);
constexpr CharSet kBlank = of(kBlankChar);
constexpr CharSet kBreak = of(kLineBreakChar);
constexpr CharSet kBreakOrSlash = of(kLineBreakChar | kSlashChar);
constexpr CharSet kLetterOrMark = of(kLetterChar | kMarkChar);
constexpr CharSet kPunctuationOrSymbol = of(kPunctuationChar | kSymbolChar);
constexpr CharSet kRest = all_but(kSpaceChar | kLetterChar | kNumberChar);
constexpr CharSet kLead = all_but(kLineBreakChar | kLetterChar | kNumberChar);

constexpr Alternative kContraction = {Alternative::Kind::kContraction, Tail::kNone, 0, {}};
constexpr Alternative kAnyCase = {Alternative::Kind::kAnyCaseContraction, Tail::kNone, 0, {}};
constexpr Alternative kLedLetters = match(maybe(kLead), some(kLetter));
constexpr Alternative kLedRest = match(maybe(kBlank), some(kRest), any(kBreak));
constexpr Alternative kSpaceToBreak = {Alternative::Kind::kSpaceToBreak, Tail::kNone, 0, {}};
constexpr Alternative kSpaceToText = runs(Tail::kNotBeforeText, some(kSpace));
constexpr Alternative kSpaces = match(some(kSpace));
constexpr Alternative kOneNumber = match(times(kNumber, 1, 1));
constexpr Alternative kThreeNumbers = match(times(kNumber, 1, 3));
constexpr Alternative kNumbers = match(some(kNumber));

constexpr Alternative kOneNumberOnly[] = {kOneNumber};
constexpr Alternative kThreeNumbersOnly[] = {kThreeNumbers};
constexpr Alternative kNumbersOnly[] = {kNumbers};

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
constexpr Alternative kGpt2Words[] = {kContraction,
                                      match(maybe(kBlank), some(kLetter)),
                                      match(maybe(kBlank), some(kNumber)),
                                      match(maybe(kBlank), some(kRest)),
                                      kSpaceToText,
                                      kSpaces};
constexpr SplitPass kGpt2Passes[] = {find(kGpt2Words)};
constexpr SplitScheme kGpt2 = {kGpt2Passes, {}};

// \p{N} first, then gpt2
constexpr SplitPass kSmollmPasses[] = {find(kOneNumberOnly), find(kGpt2Words)};
constexpr SplitScheme kSmollm = {kSmollmPasses, {}};

// [\p{P}$+<=>^~|]+, then gpt2, then \p{N}+, then [0-9][0-9][0-9]
constexpr CharSet kCodeMark = of(kAsciiMarkChar | kPunctuationChar);
constexpr Alternative kDefaultMarks[] = {
    match(some(of(kPunctuationChar | kAsciiMarkChar, kGraveChar)))};
constexpr Alternative kThreeDigits[] = {match(times(of(kAsciiDigitChar), 3, 3))};
constexpr SplitPass kDefaultPasses[] = {find(kDefaultMarks), find(kGpt2Words), find(kNumbersOnly),
                                        find(kThreeDigits)};
constexpr SplitScheme kDefault = {kDefaultPasses, {}};

// [\p{P}$+<=>^~|`]+, then gpt2, then [0-9][0-9][0-9]
constexpr Alternative kFalconMarks[] = {match(some(kCodeMark))};
constexpr SplitPass kFalconPasses[] = {find(kFalconMarks), find(kGpt2Words), find(kThreeDigits)};
constexpr SplitScheme kFalcon = {kFalconPasses, {}};

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+
constexpr Alternative kLlama3Words[] = {kAnyCase,      kLedLetters,  kThreeNumbers, kLedRest,
                                        kSpaceToBreak, kSpaceToText, kSpaces};
constexpr SplitPass kLlama3Passes[] = {find(kLlama3Words)};
constexpr SplitScheme kLlama3 = {kLlama3Passes, {}};

// llama3 with \p{N}
constexpr Alternative kQwen2Words[] = {kAnyCase,      kLedLetters,  kOneNumber, kLedRest,
                                       kSpaceToBreak, kSpaceToText, kSpaces};
constexpr SplitPass kQwen2Passes[] = {find(kQwen2Words)};
constexpr SplitScheme kQwen2 = {kQwen2Passes, {}};

// qwen2 without contractions
constexpr SplitPass kUfakzekaPasses[] = {find(std::span(kQwen2Words).subspan(1))};
constexpr SplitScheme kUfakzeka = {kUfakzekaPasses, {}};

// [^\n]+|\n+, then qwen2
constexpr SplitPass kLagunaPasses[] = {{SplitPass::Kind::kLines, {}}, find(kQwen2Words)};
constexpr SplitScheme kLaguna = {kLagunaPasses, {}};
constexpr SplitPass kLinesPasses[] = {{SplitPass::Kind::kLines, {}}};
constexpr SplitScheme kLines = {kLinesPasses, {}};

// qwen2 with marks among the letters
constexpr Alternative kQwen35Words[] = {
    kAnyCase,
    match(maybe(kLead), some(kLetterOrMark)),
    kOneNumber,
    match(maybe(kBlank), some(all_but(kSpaceChar | kLetterChar | kMarkChar | kNumberChar)),
          any(kBreak)),
    kSpaceToBreak,
    kSpaceToText,
    kSpaces};
constexpr SplitPass kQwen35Passes[] = {find(kQwen35Words)};
constexpr SplitScheme kQwen35 = {kQwen35Passes, {}};

// \p{N}{1,3}, then llama3 with \p{N}+
constexpr Alternative kMinicpm5Words[] = {kAnyCase,      kLedLetters,  kNumbers, kLedRest,
                                          kSpaceToBreak, kSpaceToText, kSpaces};
constexpr SplitPass kMinicpm5Passes[] = {find(kThreeNumbersOnly), find(kMinicpm5Words)};
constexpr SplitScheme kMinicpm5 = {kMinicpm5Passes, {}};

// llama3 with \s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s
constexpr Alternative space_block(uint32_t min, uint32_t max) {
  return runs(Tail::kNotBeforeText, times(kSpace, min, max));
}
constexpr Alternative kJais2Words[] = {kAnyCase,
                                       kLedLetters,
                                       kThreeNumbers,
                                       kLedRest,
                                       kSpaceToBreak,
                                       space_block(512, 512),
                                       space_block(256, 256),
                                       space_block(128, 128),
                                       space_block(64, 64),
                                       space_block(32, 32),
                                       space_block(16, 16),
                                       space_block(8, 8),
                                       space_block(4, 4),
                                       space_block(1, 2),
                                       match(times(kSpace, 1, 1))};
constexpr SplitPass kJais2Passes[] = {find(kJais2Words)};
constexpr SplitScheme kJais2 = {kJais2Passes, {}};

// qwen2 where other characters take no line breaks along
constexpr Alternative kSeedWords[] = {
    kAnyCase,      kLedLetters,  kOneNumber, match(maybe(kBlank), some(kRest)),
    kSpaceToBreak, kSpaceToText, kSpaces};
constexpr SplitPass kSeedPasses[] = {find(kSeedWords)};
constexpr SplitScheme kSeed = {kSeedPasses, {}};

// …|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|
// ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|…
constexpr Alternative kExaoneMoeWords[] = {
    kAnyCase,      {Alternative::Kind::kMarkedWords, Tail::kNone, 1, {maybe(kLead)}},
    kOneNumber,    match(maybe(kBlank), some(kRest), maybe(kBreakOrSlash)),
    kSpaceToBreak, kSpaceToText,
    kSpaces};
constexpr SplitPass kExaoneMoePasses[] = {find(kExaoneMoeWords)};
constexpr SplitScheme kExaoneMoe = {kExaoneMoePasses, {}};

// [^\r\n\p{L}\p{N}]?U*W+|[^\r\n\p{L}\p{N}]?U+W*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|
// \s*[\r\n]+|\s+(?!\S)|\s+   with U = letters but a-z, W = letters but A-Z
constexpr CharSet kUpper = of(kLetterChar, kAsciiLowerChar);
constexpr CharSet kLower = of(kLetterChar, kAsciiUpperChar);
constexpr Alternative kLedRestSlash = match(maybe(kBlank), some(kRest), any(kBreakOrSlash));
constexpr Alternative kTekkenWords[] = {match(maybe(kLead), any(kUpper), some(kLower)),
                                        match(maybe(kLead), some(kUpper), any(kLower)),
                                        kOneNumber,
                                        kLedRestSlash,
                                        kSpaceToBreak,
                                        kSpaceToText,
                                        kSpaces};
constexpr SplitPass kTekkenPasses[] = {find(kTekkenWords)};
constexpr SplitScheme kTekken = {kTekkenPasses, {}};

// tekken with contractions behind words and \p{N}{1,3}
constexpr Alternative kGpt4oWords[] = {
    runs(Tail::kMaybeContraction, maybe(kLead), any(kUpper), some(kLower)),
    runs(Tail::kMaybeContraction, maybe(kLead), some(kUpper), any(kLower)),
    kThreeNumbers,
    kLedRestSlash,
    kSpaceToBreak,
    kSpaceToText,
    kSpaces};
constexpr SplitPass kGpt4oPasses[] = {find(kGpt4oWords)};
constexpr SplitScheme kGpt4o = {kGpt4oPasses, {}};

// gpt-4o with marks among the letters
constexpr CharSet kUpperOrMark = of(kLetterChar | kMarkChar, kAsciiLowerChar);
constexpr CharSet kLowerOrMark = of(kLetterChar | kMarkChar, kAsciiUpperChar);
constexpr Alternative kGraniteWords[] = {
    runs(Tail::kMaybeContraction, maybe(kLead), any(kUpperOrMark), some(kLowerOrMark)),
    runs(Tail::kMaybeContraction, maybe(kLead), some(kUpperOrMark), any(kLowerOrMark)),
    kThreeNumbers,
    kLedRestSlash,
    kSpaceToBreak,
    kSpaceToText,
    kSpaces};
constexpr SplitPass kGranitePasses[] = {find(kGraniteWords)};
constexpr SplitScheme kGranite = {kGranitePasses, {}};

// digits in threes, then gpt-4o with marks and without case
constexpr Alternative kAyaWords[] = {
    runs(Tail::kMaybeContraction, maybe(kLead), some(kLetterOrMark)),
    kThreeNumbers,
    kLedRestSlash,
    kSpaceToBreak,
    kSpaceToText,
    kSpaces};
constexpr SplitPass kAyaPasses[] = {{SplitPass::Kind::kDigitGroups, {}}, find(kAyaWords)};
constexpr SplitScheme kAya = {kAyaPasses, {}};

// [CJK]+|…, then gpt-4o with marks, without case, with \p{N}
constexpr Alternative kYoutuScripts[] = {
    match(some(of(kRangesAChar))), match(some(of(kRangesBChar))), match(some(of(kRangesCChar))),
    match(some(of(kRangesDChar)))};
constexpr Alternative kYoutuWords[] = {
    runs(Tail::kMaybeContraction, maybe(kLead), some(kLetterOrMark)),
    kOneNumber,
    kLedRestSlash,
    kSpaceToBreak,
    kSpaceToText,
    kSpaces};
constexpr SplitPass kYoutuPasses[] = {find(kYoutuScripts), find(kYoutuWords)};
constexpr CharRanges kYoutuRanges[] = {kKoreanRanges, kChineseMarkRanges, kBopomofoRanges,
                                       kHanKanaRanges};
constexpr SplitScheme kYoutu = {kYoutuPasses, kYoutuRanges};

// \p{N}{1,3}, then [一-龥぀-ゟ゠-ヿ]+, then
// [!-/:-@[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+
constexpr Alternative kMarkedAscii =
    match(times(of(kAsciiMarkChar), 1, 1), some(of(kAsciiLowerChar | kAsciiUpperChar)));
constexpr Alternative kDeepseekLetters =
    match(maybe(all_but(kLineBreakChar | kLetterChar | kPunctuationChar | kSymbolChar)),
          some(kLetterOrMark));
constexpr Alternative kDeepseek3Words[] = {
    kMarkedAscii,  kDeepseekLetters, match(maybe(kBlank), some(kPunctuationOrSymbol), any(kBreak)),
    kSpaceToBreak, kSpaceToText,     kSpaces};
constexpr Alternative kRangesAOnly[] = {match(some(of(kRangesAChar)))};
constexpr SplitPass kDeepseek3Passes[] = {find(kThreeNumbersOnly), find(kRangesAOnly),
                                          find(kDeepseek3Words)};
constexpr CharRanges kDeepseek3Ranges[] = {kHanKanaRanges};
constexpr SplitScheme kDeepseek3 = {kDeepseek3Passes, kDeepseek3Ranges};

constexpr SplitPass kAfmoePasses[] = {
    {SplitPass::Kind::kDigitGroups, {}}, find(kRangesAOnly), find(kDeepseek3Words)};
constexpr CharRanges kAfmoeRanges[] = {kAsianRanges};
constexpr SplitScheme kAfmoe = {kAfmoePasses, kAfmoeRanges};

// deepseek-v3 where marks take no line breaks along and a line break is one word
constexpr Alternative kSparkWords[] = {kMarkedAscii,
                                       kDeepseekLetters,
                                       match(maybe(kBlank), some(kPunctuationOrSymbol)),
                                       match(times(kBreak, 1, 1)),
                                       kSpaceToText,
                                       kSpaces};
constexpr SplitPass kSparkPasses[] = {find(kThreeNumbersOnly), find(kRangesAOnly),
                                      find(kSparkWords), find(kOneNumberOnly)};
constexpr SplitScheme kSpark = {kSparkPasses, kDeepseek3Ranges};

// [\r\n], then \s?[cased letters]+, then \s?[marks]+, then \s+$, then [CJK]+, then \p{N}+
constexpr Alternative kOneBreakOnly[] = {match(times(kBreak, 1, 1))};
constexpr Alternative kSpacedRangesA[] = {match(maybe(kSpace), some(of(kRangesAChar)))};
constexpr Alternative kSpacedRangesB[] = {match(maybe(kSpace), some(of(kRangesBChar)))};
constexpr Alternative kRangesCOnly[] = {match(some(of(kRangesCChar)))};
constexpr SplitPass kDeepseekLlmPasses[] = {find(kOneBreakOnly),  find(kSpacedRangesA),
                                            find(kSpacedRangesB), {SplitPass::Kind::kTailSpace, {}},
                                            find(kRangesCOnly),   find(kNumbersOnly)};
constexpr CharRanges kDeepseekLlmRanges[] = {kCasedRanges, kDeepseekMarkRanges, kCjkRanges};
constexpr SplitScheme kDeepseekLlm = {kDeepseekLlmPasses, kDeepseekLlmRanges};

// [\r\n], then \s?\p{L}+, then \s?\p{P}+, then [CJK]+, then \p{N}
constexpr Alternative kSpacedLetters[] = {match(maybe(kSpace), some(kLetter))};
constexpr Alternative kSpacedMarks[] = {match(maybe(kSpace), some(of(kPunctuationChar)))};
constexpr SplitPass kDeepseekCoderPasses[] = {find(kOneBreakOnly), find(kSpacedLetters),
                                              find(kSpacedMarks), find(kRangesAOnly),
                                              find(kOneNumberOnly)};
constexpr CharRanges kDeepseekCoderRanges[] = {kCjkRanges};
constexpr SplitScheme kDeepseekCoder = {kDeepseekCoderPasses, kDeepseekCoderRanges};

//  ?[^(\s|.,!?…。，、।۔،)]+
constexpr Alternative kBloomWords[] = {
    match(maybe(kBlank), some(all_but(kSpaceChar | kRangesAChar)))};
constexpr SplitPass kBloomPasses[] = {find(kBloomWords)};
constexpr CharRanges kBloomRanges[] = {kSentenceMarkRanges};
constexpr SplitScheme kBloom = {kBloomPasses, kBloomRanges};
constexpr SplitPass kVikingPasses[] = {find(kBloomWords), find(kOneNumberOnly)};
constexpr SplitScheme kViking = {kVikingPasses, kBloomRanges};

// \p{Han}+|[^\r\n\p{L}\p{N}]?[letters but Han]+ with a contraction|\p{N}{1,3}|…
constexpr Alternative kKimiWords[] = {
    match(some(of(kRangesAChar))),
    runs(Tail::kMaybeContraction, maybe(kLead), some(of(kLetterChar, kRangesAChar))),
    kThreeNumbers,
    kLedRest,
    kSpaceToBreak,
    kSpaceToText,
    kSpaces};
constexpr SplitPass kKimiPasses[] = {find(kKimiWords)};
constexpr CharRanges kKimiRanges[] = {kHanRanges};
constexpr SplitScheme kKimi = {kKimiPasses, kKimiRanges};

// \p{N}+, then cuts before every multiple of three digits
constexpr SplitPass kSuperbpePasses[] = {find(kNumbersOnly), {SplitPass::Kind::kThousands, {}}};
constexpr SplitScheme kSuperbpe = {kSuperbpePasses, {}};

constexpr PreTokenizer plain(std::string_view name, const SplitScheme& scheme) {
  return {.name = name, .scheme = &scheme};
}
constexpr PreTokenizer whole(std::string_view name, const SplitScheme& scheme) {
  return {.name = name, .scheme = &scheme, .whole_words_first = true};
}
constexpr PreTokenizer whole_with_bos(std::string_view name, const SplitScheme& scheme) {
  return {.name = name, .scheme = &scheme, .whole_words_first = true, .adds_bos = true};
}
constexpr PreTokenizer gemma4(std::string_view name) {
  return {.name = name,
          .scheme = &kLines,
          .is_raw_utf8 = true,
          .newline_words = true,
          .always_bos = true};
}

constexpr PreTokenizer kPreTokenizers[] = {
    plain("default", kDefault),
    plain("gpt-2", kGpt2),
    plain("phi-2", kGpt2),
    plain("jina-es", kGpt2),
    plain("jina-de", kGpt2),
    plain("gigachat", kGpt2),
    plain("jina-v2-es", kGpt2),
    plain("jina-v2-de", kGpt2),
    plain("a.x-4.0", kGpt2),
    plain("mellum", kGpt2),
    plain("modern-bert", kGpt2),
    plain("jina-v1-en", kGpt2),
    plain("jina-v2-code", kGpt2),
    plain("roberta-bpe", kGpt2),
    plain("exaone4", kGpt2),
    plain("mpt", kGpt2),
    plain("olmo", kGpt2),
    plain("jais", kGpt2),
    plain("trillion", kGpt2),
    plain("granite-docling", kGpt2),
    plain("smollm", kSmollm),
    plain("starcoder", kSmollm),
    plain("refact", kSmollm),
    plain("command-r", kSmollm),
    plain("codeshell", kSmollm),
    plain("exaone", kSmollm),
    plain("minerva-7b", kSmollm),
    plain("mellum2", kSmollm),
    plain("falcon", kFalcon),
    whole_with_bos("llama3", kLlama3),
    whole_with_bos("llama-v3", kLlama3),
    whole_with_bos("llama-bpe", kLlama3),
    whole_with_bos("falcon3", kLlama3),
    whole_with_bos("falcon-h1", kLlama3),
    whole_with_bos("pixtral", kLlama3),
    whole_with_bos("midm-2.0", kLlama3),
    whole_with_bos("lfm2", kLlama3),
    whole_with_bos("jina-v5-nano", kLlama3),
    plain("dbrx", kLlama3),
    plain("smaug-bpe", kLlama3),
    {.name = "chatglm-bpe", .scheme = &kLlama3, .has_no_default_bos = true},
    {.name = "glm4", .scheme = &kLlama3, .whole_words_first = true, .has_no_default_bos = true},
    {.name = "glm5", .scheme = &kLlama3, .whole_words_first = true, .has_no_default_bos = true},
    whole("minicpm5", kMinicpm5),
    plain("jais-2", kJais2),
    plain("qwen2", kQwen2),
    plain("deepseek-r1-qwen", kQwen2),
    plain("kormo", kQwen2),
    plain("f2llmv2", kQwen2),
    plain("megrez", kQwen2),
    plain("stablelm2", kQwen2),
    plain("hunyuan", kQwen2),
    plain("solar-open", kQwen2),
    plain("grok-2", kQwen2),
    plain("ufakzeka", kUfakzeka),
    plain("laguna", kLaguna),
    plain("qwen35", kQwen35),
    // Their pattern has \s*[\r\n] for \s*[\r\n]+, which is the same: \s takes the other breaks.
    plain("bailingmoe", kQwen2),
    plain("bailingmoe2", kQwen2),
    plain("llada-moe", kQwen2),
    plain("seed-coder", kSeed),
    plain("exaone-moe", kExaoneMoe),
    whole_with_bos("tekken", kTekken),
    plain("gpt-4o", kGpt4o),
    plain("llama4", kGpt4o),
    plain("kanana2", kGpt4o),
    plain("talkie", kGpt4o),
    plain("minimax-m2", kGpt4o),
    whole("granite-embed-multi-97m", kGranite),
    plain("tiny_aya", kAya),
    plain("cohere2moe", kAya),
    whole("youtu", kYoutu),
    plain("deepseek-llm", kDeepseekLlm),
    plain("deepseek-coder", kDeepseekCoder),
    plain("deepseek-v3", kDeepseek3),
    plain("hunyuan-dense", kDeepseek3),
    plain("joyai-llm", kDeepseek3),
    plain("hy_v4", kDeepseek3),
    plain("spark2_5", kSpark),
    plain("afmoe", kAfmoe),
    plain("poro-chat", kBloom),
    plain("bloom", kBloom),
    plain("gpt3-finnish", kBloom),
    plain("viking", kViking),
    plain("kimi-k2", kKimi),
    plain("superbpe", kSuperbpe),
    gemma4("gemma4"),
    gemma4("granite-embed-multi-311m"),
    {.name = "sarvam-moe", .scheme = &kLines, .is_raw_utf8 = true},
};

}  // namespace

Result<const PreTokenizer*> find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& known : kPreTokenizers) {
    if (known.name == name) return &known;
  }
  return with_hint(unsupported("unknown pre-tokenizer {} (tokenizer.ggml.pre)", quote(name)),
                   "its text would be cut into wrong tokens; a newer hearth may know it");
}

}  // namespace hearth::text

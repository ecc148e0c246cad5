// SPDX-License-Identifier: MIT
#include "backend/cpu/kernel_table.h"

#include <optional>
#include <string>
#include <utility>

#include "backend/cpu/isa.h"
#include "base/check.h"
#include "base/env.h"

namespace hearth::cpu {

using AddKernels = void (*)(KernelTable&);

// What each kernel file exports, by instruction set; an empty cell leaves what the sets before
// gave.
void add_rowops_base(KernelTable&);
void add_attention_base(KernelTable&);
void add_dot_float_base(KernelTable&);
void add_dot_quant_base(KernelTable&);
void add_quantize_base(KernelTable&);
void add_dot_bytes_base(KernelTable&);
void add_rowops_avx2(KernelTable&);
void add_attention_avx2(KernelTable&);
void add_dot_float_avx2(KernelTable&);
void add_rowops_avx512(KernelTable&);
void add_attention_avx512(KernelTable&);
void add_dot_float_avx512(KernelTable&);
void add_quantize_act_avx2(KernelTable&);
void add_quantize_act_avx512(KernelTable&);
void add_dot_quant_avx2(KernelTable&);
void add_dot_bytes_avx2(KernelTable&);
void add_quantize_bytes_avx2(KernelTable&);
void add_dot_quant_avxvnni(KernelTable&);
void add_dot_bytes_avxvnni(KernelTable&);
void add_dot_quant_avx512(KernelTable&);
void add_dot_bytes_avx512(KernelTable&);
void add_quantize_bytes_avx512(KernelTable&);
void add_dot_quant_avx512vnni(KernelTable&);
void add_dot_bytes_avx512vnni(KernelTable&);

namespace {

struct Column {
  std::string_view isa;
  std::vector<AddKernels> add;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> all = {
      {"base",
       {add_rowops_base, add_attention_base, add_dot_float_base, add_dot_quant_base,
        add_quantize_base, add_dot_bytes_base}},
      {"avx2",
       {add_rowops_avx2, add_attention_avx2, add_dot_float_avx2, add_dot_quant_avx2,
        add_quantize_act_avx2, add_dot_bytes_avx2, add_quantize_bytes_avx2}},
      {"avxvnni", {add_dot_quant_avxvnni, add_dot_bytes_avxvnni}},
      {"avx512",
       {add_rowops_avx512, add_attention_avx512, add_dot_float_avx512, add_dot_quant_avx512,
        add_quantize_act_avx512, add_dot_bytes_avx512, add_quantize_bytes_avx512}},
      {"avx512vnni", {add_dot_quant_avx512vnni, add_dot_bytes_avx512vnni}},
  };
  return all;
}

std::string joined(const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) {
    if (!list.empty()) list += ", ";
    list += name;
  }
  return list;
}

struct Selection {
  std::string_view isa;
  KernelTable table;
};

KernelTable table_up_to(std::string_view isa) {
  KernelTable table{};
  for (const Isa& candidate : all_isas()) {
    for (const Column& column : columns()) {
      if (column.isa != candidate.name || !machine_has(candidate)) continue;
      for (const AddKernels add : column.add) add(table);
    }
    if (candidate.name == isa) break;
  }
  return table;
}

Result<Selection> select(const std::optional<std::string>& wanted) {
  const std::vector<std::string_view> names = machine_isa_names();
  if (!wanted) return Selection{names.back(), table_up_to(names.back())};
  for (const std::string_view name : names) {
    if (name == *wanted) return Selection{name, table_up_to(name)};
  }
  for (const Isa& isa : all_isas()) {
    if (isa.name == *wanted) {
      return with_hint(unsupported("this machine lacks the instruction set '{}'", *wanted),
                       "it has: {}", joined(names));
    }
  }
  return with_hint(invalid("unknown instruction set '{}'", *wanted), "use one of: {}",
                   joined(names));
}

const Result<Selection>& selection() {
  static const Result<Selection> chosen = within("HEARTH_ISA", select(env("HEARTH_ISA")));
  return chosen;
}

}  // namespace

Status check_isa_choice() {
  if (!selection()) return Failure(selection().error());
  return {};
}

const KernelTable& kernels() {
  const Result<Selection>& chosen = selection();
  CHECK(chosen.has_value());
  return chosen->table;
}

std::string_view active_isa_name() {
  CHECK(selection().has_value());
  return selection()->isa;
}

Result<KernelTable> kernel_table_for(std::string_view isa) {
  TRY_LET(const Selection chosen, select(std::string(isa)));
  return chosen.table;
}

std::vector<std::string_view> machine_isa_names() {
  std::vector<std::string_view> names;
  for (const Isa& isa : all_isas()) {
    if (machine_has(isa)) names.push_back(isa.name);
  }
  return names;
}

Weight weight_of(DType type) {
  switch (type) {
    case DType::kF32:
      return Weight::kF32;
    case DType::kF16:
      return Weight::kF16;
    case DType::kQ4_0:
      return Weight::kQ4_0;
    case DType::kQ4_1:
      return Weight::kQ4_1;
    case DType::kQ5_0:
      return Weight::kQ5_0;
    case DType::kQ5_1:
      return Weight::kQ5_1;
    case DType::kQ8_0:
      return Weight::kQ8_0;
    case DType::kQ2_K:
      return Weight::kQ2_K;
    case DType::kQ3_K:
      return Weight::kQ3_K;
    case DType::kQ4_K:
      return Weight::kQ4_K;
    case DType::kQ5_K:
      return Weight::kQ5_K;
    case DType::kQ6_K:
      return Weight::kQ6_K;
    case DType::kIQ4_NL:
      return Weight::kIQ4_NL;
    case DType::kIQ4_XS:
      return Weight::kIQ4_XS;
    case DType::kBF16:
      return Weight::kBF16;
    case DType::kMXFP4:
      return Weight::kMXFP4;
  }
  CHECK(false);
  return Weight::kCount;
}

bool takes_act_blocks(Weight weight) {
  return weight != Weight::kF32 && weight != Weight::kF16 && weight != Weight::kBF16;
}

}  // namespace hearth::cpu

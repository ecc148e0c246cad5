// SPDX-License-Identifier: MIT
#include "backend/cpu/kernel_table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "backend/cpu/isa.h"
#include "tests/support/paths.h"

namespace hearth::cpu {
namespace {

template <class T, size_t N>
void expect_full(const T (&cells)[N], std::string_view isa, const char* name) {
  for (size_t i = 0; i < N; ++i) EXPECT_NE(cells[i], nullptr) << isa << ' ' << name << ' ' << i;
}

TEST(KernelTable, every_cell_is_filled_in_every_column) {
  for (const std::string_view isa : machine_isa_names()) {
    const Result<KernelTable> table = kernel_table_for(isa);
    ASSERT_TRUE(table.has_value());
    expect_full(table->matmul, isa, "matmul");
    expect_full(table->scores, isa, "scores");
    expect_full(table->mix, isa, "mix");
    expect_full(table->key_panel, isa, "key_panel");
    expect_full(table->value_rows, isa, "value_rows");
    expect_full(table->tile_scores, isa, "tile_scores");
    expect_full(table->tile_panel, isa, "tile_panel");
    expect_full(table->store_in_tile, isa, "store_in_tile");
    expect_full(table->store_kv, isa, "store_kv");
    expect_full(table->decode_row, isa, "decode_row");
    // The rest of the table holds nothing but function pointers.
    const auto* cells = reinterpret_cast<void (*const*)()>(&table->quantize_act);
    const auto* end = reinterpret_cast<void (*const*)()>(&*table + 1);
    for (; cells < end; ++cells) EXPECT_NE(*cells, nullptr) << isa;
  }
}

TEST(KernelTable, an_unknown_instruction_set_is_an_error_that_lists_the_valid_ones) {
  const Result<KernelTable> table = kernel_table_for("avx3");
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, ErrorCode::kInvalid);
  EXPECT_NE(table.error().message.find("'avx3'"), std::string::npos);
  for (const std::string_view isa : machine_isa_names()) {
    EXPECT_NE(table.error().hint.find(isa), std::string::npos) << isa;
  }
}

TEST(KernelTable, an_instruction_set_that_the_machine_lacks_is_another_error) {
  for (const Isa& isa : all_isas()) {
    const Result<KernelTable> table = kernel_table_for(isa.name);
    EXPECT_EQ(table.has_value(), machine_has(isa)) << isa.name;
    if (!table) {
      EXPECT_EQ(table.error().code, ErrorCode::kUnsupported);
    }
  }
}

TEST(KernelTable, instruction_sets_have_the_same_names_in_isa_inc_and_in_isa_cmake) {
  std::set<std::string> in_cmake;
  std::ifstream file(test::source_dir() + "/cmake/isa.cmake");
  const std::string prefix = "set(HEARTH_ISA_FLAGS_";
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(prefix, 0) != 0) continue;
    in_cmake.insert(line.substr(prefix.size(), line.find(' ') - prefix.size()));
  }
  std::set<std::string> in_table;
  for (const Isa& isa : all_isas()) in_table.insert(std::string(isa.name));
  EXPECT_EQ(in_table, in_cmake);
  EXPECT_EQ(all_isas().front().name, "base");
}

TEST(KernelTable, every_weight_format_has_its_own_row) {
  std::set<Weight> seen;
  for (const DTypeInfo& format : all_dtypes()) {
    const Weight weight = weight_of(format.type);
    EXPECT_TRUE(seen.insert(weight).second) << format.name;
    EXPECT_EQ(takes_act_blocks(weight), format.block_weights > 1) << format.name;
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(Weight::kCount));
}

}  // namespace
}  // namespace hearth::cpu

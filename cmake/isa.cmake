# Compile flags of a kernel file follow from its suffix: <family>.<isa>.cpp. The same names, with
# the CPUID bits they need, stand in src/backend/cpu/isa.inc; a test asserts that both lists agree.
set(HEARTH_ISA_FLAGS_base "")
set(HEARTH_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
set(HEARTH_ISA_FLAGS_avxvnni -mavx2 -mfma -mf16c -mbmi2 -mavxvnni)
set(HEARTH_ISA_FLAGS_avx512
    -mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512dq -mavx512vl)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes its own intrinsics for reads of unset variables (GCC bug 105593).
  list(APPEND HEARTH_ISA_FLAGS_avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
  # quads.avx2.h puts scales together by scalar instructions, to keep the port free that shuffles;
  # g++ 12 would make 576 shuffles of them in dot_quant.avx2.cpp (docs/performance.md).
  list(APPEND HEARTH_ISA_FLAGS_avx2 -fno-tree-slp-vectorize)
  list(APPEND HEARTH_ISA_FLAGS_avxvnni -fno-tree-slp-vectorize)
endif()
set(HEARTH_ISA_FLAGS_avx512vnni ${HEARTH_ISA_FLAGS_avx512} -mavx512vnni)

# Gives every kernel file its flags. FILES: paths that may contain <family>.<isa>.cpp.
function(hearth_set_isa_flags)
  foreach(file ${ARGN})
    get_filename_component(name ${file} NAME)
    if(name MATCHES "^[a-z0-9_]+\\.([a-z0-9]+)\\.cpp$")
      set(isa ${CMAKE_MATCH_1})
      # Optimizing a sanitizer's checks in the largest families takes minutes for one file, and
      # nothing is learnt by it: their tests take 1.4 times as long without.
      set(level -O3)
      if(HEARTH_SANITIZE AND name MATCHES "^dot_(quant|bytes)")
        set(level -O0)
      elseif(HEARTH_SANITIZE AND name MATCHES "^dot_float")
        set(level -O2)  # 2 s more for each file, which most of the toy models' products go through
      elseif(HEARTH_SANITIZE)
        set(level -O1)
      endif()
      if(NOT DEFINED HEARTH_ISA_FLAGS_${isa})
        message(FATAL_ERROR "${name}: unknown instruction set '${isa}', see cmake/isa.cmake")
      endif()
      set(options ${HEARTH_ISA_FLAGS_${isa}} ${level} -fno-exceptions)
      set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${options}")
    endif()
  endforeach()
endfunction()

# Flags that every translation unit shares. Floating-point contraction stays off outside the kernels
# (which ask for fma by intrinsics), so that the reference backend rounds the same everywhere.
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
                    -ffp-contract=off)
if(HEARTH_SANITIZE)
  add_compile_options(-fsanitize=${HEARTH_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HEARTH_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options(-fuse-ld=lld)
    # So that ccache takes a precompiled header for the same when only its time differs.
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
  add_compile_options(-Wno-shadow)  # between files that are read as one; the dev build looks
  add_compile_definitions(HEARTH_SANITIZED)
  if(HEARTH_SANITIZE MATCHES "thread")
    add_compile_definitions(HEARTH_THREAD_SANITIZED)
  endif()
endif()
if(HEARTH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage counters in every library
endif()

# What runs little but takes long to compile with a sanitizer's checks (tests, verbs) is not
# optimized there: half the time of such a file.
function(hearth_compile_quickly target)
  if(HEARTH_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# What most files of a target include, and MORE, read once. Not for the program's own files in plain
# builds: there each must name all that it needs.
function(hearth_precompile target)
  target_precompile_headers(${target} PRIVATE <algorithm> <functional> <map> <memory> <string>
                            <vector> <fmt/format.h> <nlohmann/json.hpp> <tl/expected.hpp> ${ARGN})
endfunction()

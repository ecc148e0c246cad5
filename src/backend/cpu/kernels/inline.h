// SPDX-License-Identifier: MIT
// HEARTH_INLINE: for functions whose values must stay in registers. Not under sanitizers, where so
// much instrumented code in one function takes minutes to compile.
#pragma once

#ifdef HEARTH_SANITIZED
#define HEARTH_INLINE
#else
#define HEARTH_INLINE __attribute__((always_inline))
#endif

// Includes KERNEL, a template, once for every path: with BYTES, those of a vector, TARGET, the attribute that allows a function its
// instructions, and NAME(x), what x is called on the path. The template undefines these at its end.
#if defined(__x86_64__)
#define BYTES 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define NAME(x) x##_avx512
#include KERNEL

#define BYTES 32
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) x##_avx2
#include KERNEL
#endif

#define BYTES 16
#define TARGET
#define NAME(x) x##_portable
#include KERNEL

#undef KERNEL

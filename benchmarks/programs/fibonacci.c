// The Fibonacci number of n by plain recursion: calls and little else.
#include "guest.h"

__attribute__((noinline)) static uint32_t fibonacci(uint32_t n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((export_name("run"))) uint64_t run(uint32_t n) {
    return fibonacci(n);
}

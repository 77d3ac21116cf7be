// SSE, AVX and (where there is) AVX-512 registers across calls, clock reads, signals and a fork.
#include "guest.h"
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    __asm__ volatile("pxor %%xmm3, %%xmm3\n\tpcmpeqd %%xmm4, %%xmm4" : : : "xmm3", "xmm4");
    if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroall");
    caught++;
}
__attribute__((target("avx2"))) static void wide(const void *in, void *out, long number, long first, long second) {
    __asm__ volatile("vmovdqu (%3), %%ymm3\n\tvmovdqu 32(%3), %%ymm14\n\tsyscall\n\t"
                     "vmovdqu %%ymm3, (%4)\n\tvmovdqu %%ymm14, 32(%4)"
                     : "+a"(number) : "D"(first), "S"(second), "r"(in), "r"(out)
                     : "rcx", "r11", "memory", "xmm3", "xmm14");
}
__attribute__((target("avx512f"))) static void wider(const void *in, void *out, long number, long first, long second) {
    __asm__ volatile("vmovdqu64 (%3), %%zmm30\n\tkmovw (%3), %%k3\n\tsyscall\n\t"
                     "vmovdqu64 %%zmm30, (%4)\n\tkmovw %%k3, (%4)"
                     : "+a"(number) : "D"(first), "S"(second), "r"(in), "r"(out)
                     : "rcx", "r11", "memory", "xmm30");
}
int main(void) {
    unsigned char in[64], out[64];
    struct timespec now;
    on_signal(SIGUSR1, handler, 0);
    for (int i = 0; i < 64; i++) in[i] = (unsigned char)(i * 3 + 1);
    for (int i = 0; i < 400; i++) {
        long number = i % 4 == 0 ? SYS_kill : i % 4 == 1 ? SYS_clock_gettime : i % 4 == 2 ? SYS_getppid : SYS_write;
        long first = number == SYS_kill ? getpid() : number == SYS_write ? -1 : CLOCK_MONOTONIC;
        long second = number == SYS_kill ? SIGUSR1 : (long)&now;
        memset(out, 0, sizeof out);
        if (__builtin_cpu_supports("avx2")) wide(in, out, number, first, second);
        else memcpy(out, in, 64);
        CHECK(memcmp(in, out, 64) == 0);
        if (__builtin_cpu_supports("avx512f")) wider(in, out, number, first, second);
        CHECK(memcmp(in, out, 64) == 0);
    }
    fprintf(stderr, "avx512 %d\n", !!__builtin_cpu_supports("avx512f"));
    printf("caught %d times\n", caught);
    return caught < 100;
}

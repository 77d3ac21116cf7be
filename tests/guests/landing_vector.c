// A loop whose rounds only a vector or x87 register tells apart, interrupted by another thread time
// and again: switched in a wrong round, it comes to another result.
#include "guest.h"
#include <pthread.h>
static volatile char stop;
static uint64_t result[8] __attribute__((aligned(64)));
static uint64_t step[8] __attribute__((aligned(64)));
static const char *how;
#define LOOP(begin, body, end, ...)                                                               \
    __asm__ volatile(begin "\n1: pause\n" body "\n cmpb $0, (%2)\n je 1b\n" end                           \
                     : : "r"(result), "r"(step), "r"(&stop) : "memory", "cc", __VA_ARGS__)
__attribute__((target("avx512f,avx512bw"))) static void *spin(void *unused) {
    if (!strncmp(how, "xmm", 3))
        LOOP("movdqa (%1), %%xmm1\n pxor %%xmm9, %%xmm9", "paddq %%xmm1, %%xmm9", "movdqa %%xmm9, (%0)",
             "xmm1", "xmm9");
    if (!strcmp(how, "ymm"))
        LOOP("vmovdqa (%1), %%ymm1\n vpxor %%ymm9, %%ymm9, %%ymm9", "vpaddq %%ymm1, %%ymm9, %%ymm9",
             "vmovdqa %%ymm9, (%0)\n vzeroupper", "xmm1", "xmm9");
    if (!strcmp(how, "zmm"))
        LOOP("vmovdqa64 (%1), %%zmm1\n vpxorq %%zmm20, %%zmm20, %%zmm20", "vpaddq %%zmm1, %%zmm20, %%zmm20",
             "vmovdqa64 %%zmm20, (%0)\n vzeroupper", "xmm1", "xmm20");
    if (!strcmp(how, "mask"))
        LOOP("kxorq %%k2, %%k2, %%k2\n kxnorq %%k1, %%k1, %%k1\n kshiftrq $63, %%k1, %%k1",
             "kaddq %%k1, %%k2, %%k2", "kmovq %%k2, (%0)", "k1", "k2");
    if (!strcmp(how, "x87"))
        LOOP("fldz", "fld1\n faddp", "fistpq (%0)", "st");
    return unused;
}
int main(int count, char **arguments) {
    int naps = count > 2 ? atoi(arguments[2]) : 4;
    pthread_t thread;
    how = arguments[1];
    if ((!strcmp(how, "zmm") || !strcmp(how, "mask")) && !__builtin_cpu_supports("avx512bw")) return 0;
    if (!strcmp(how, "ymm") && !__builtin_cpu_supports("avx2")) return 0;
    // The highest word: all below stay zero.
    step[!strcmp(how, "xmm") ? 0 : !strcmp(how, "xmm_high") ? 1 : !strcmp(how, "ymm") ? 3 : 7] = 1;
    CHECK(pthread_create(&thread, NULL, spin, NULL) == 0);
    while (naps--) usleep(1000);
    stop = 1;
    pthread_join(thread, NULL);
    for (int at = 0; at < 8; at++) printf("%lu ", result[at]);
    printf("\n");
    return 0;
}

// Which components the processor regards as in use (they hold zeros here) is in what XSAVE and its relatives store;
// a thread that was switched away and back may find another answer. The kernel is told, and so the replay's checks.
#include "guest.h"
#include <cpuid.h>
static unsigned char image[16384] __attribute__((aligned(64)));
static unsigned char *end = image + sizeof image;
static void tell(void) {
    syscall(SYS_getppid, hash_bytes(image, 4096), *(uint64_t *)(image + 512));
    memset(image, 0x55, sizeof image);
}
int main(void) {
    unsigned a, b, c, d, features;
    CHECK(__get_cpuid(1, &a, &b, &features, &d));
    if (!(features & bit_OSXSAVE)) return puts("no xsave") < 0;
    CHECK(__get_cpuid_count(13, 1, &a, &b, &c, &d));
    for (int round = 0; round < 60; round++) {
        usleep(300);
        if (features & bit_AVX) __asm__ volatile("vzeroall" ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
        for (volatile int spin = 0; spin < 20000; spin++) continue;
        // Each with an operand of its own form.
        __asm__ volatile("xsave64 %0" : "+m"(image) : "a"(0xe7), "d"(0));
        tell();
        if (a & 1) __asm__ volatile("xsaveopt -16384(%2)" : "+m"(image) : "a"(0xe7), "r"(end), "d"(0));
        tell();
        if (a & 2) __asm__ volatile("xsavec64 (%2,%3,8)" : "+m"(image) : "a"(0xe7), "r"(end), "r"(-2048L), "d"(0));
        tell();
        if (a & 2) __asm__ volatile("xsavec %0" : "+m"(image) : "a"(round), "d"(0));
        tell();
    }
    // A bad operand is the program's own affair.
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        __asm__ volatile("xsave (%1)" : "+m"(image) : "r"(image + 8), "a"(3), "d"(0));
        _exit(0);
    }
    printf("60 rounds; unaligned: %d\n", WTERMSIG(wait_status(child)));
    return 0;
}

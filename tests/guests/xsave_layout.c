// XSAVE, XSAVEC and XSAVEOPT images: header, in-use bits and contents are the same when replayed.
#include "guest.h"
#include <cpuid.h>
static unsigned char image[8192] __attribute__((aligned(64)));
static void show(const char *name) {
    printf("%s: x87 %s in use\n", name, image[512] & 1 ? "is" : "is not");
    fprintf(stderr, "%s: in use %016lx, layout %016lx, hash %016lx\n", name, *(uint64_t *)(image + 512),
            *(uint64_t *)(image + 520), hash_bytes(image, 2048));
    memset(image, 0, sizeof image);
}
int main(void) {
    unsigned a, b, c, d, features;
    CHECK(__get_cpuid(1, &a, &b, &features, &d));
    if (!(features & bit_OSXSAVE)) return puts("no xsave") < 0;
    CHECK(__get_cpuid_count(13, 1, &a, &b, &c, &d));
    for (int round = 0; round < 3; round++) {
        if (round == 1 && (features & bit_AVX)) __asm__ volatile("vzeroupper");
        if (round == 2 && (features & bit_AVX))
            __asm__ volatile("vpcmpeqd %%xmm1, %%xmm1, %%xmm1\n\tvinsertf128 $1, %%xmm1, %%ymm1, %%ymm1" : : : "xmm1");
        getppid();
        __asm__ volatile("xsave %0" : "+m"(image) : "a"(-1), "d"(-1));
        show("xsave");
        if (a & 1) __asm__ volatile("xsaveopt %0" : "+m"(image) : "a"(-1), "d"(-1));
        show("xsaveopt");
        if (a & 2) __asm__ volatile("xsavec %0" : "+m"(image) : "a"(-1), "d"(-1));
        show("xsavec");
    }
    __asm__ volatile("xsave %0\n\txrstor %0" : "+m"(image) : "a"(7), "d"(0));
    printf("saved\n");
    return 0;
}

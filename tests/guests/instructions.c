// Every instruction whose answer is not determined: rdtsc, rdtscp, rdrand, rdseed, cpuid, xgetbv, rdpid.
#include "guest.h"
#include <cpuid.h>
#include <immintrin.h>
#include <x86intrin.h>
static uint64_t hash = 0xcbf29ce484222325u;
static void mix(uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; }
__attribute__((target("rdrnd"))) static void random_numbers(void) {
    unsigned long long wide = 0;
    unsigned int middle = 0;
    unsigned short narrow = 0;
    for (int i = 0; i < 50; i++) mix((uint64_t)_rdrand64_step(&wide)), mix(wide);
    for (int i = 0; i < 50; i++) mix((uint64_t)_rdrand32_step(&middle)), mix(middle);
    for (int i = 0; i < 50; i++) mix((uint64_t)_rdrand16_step(&narrow)), mix(narrow);
}
__attribute__((target("rdseed"))) static void seeds(void) {
    unsigned long long wide = 0;
    unsigned int middle = 0;
    for (int i = 0; i < 50; i++) mix((uint64_t)_rdseed64_step(&wide)), mix(wide);
    for (int i = 0; i < 50; i++) mix((uint64_t)_rdseed32_step(&middle)), mix(middle);
}
__attribute__((target("rdpid"))) static void processor(void) { mix(_rdpid_u32()); }
__attribute__((target("xsave"))) static void features(void) { mix(_xgetbv(0)); }
int main(void) {
    unsigned a, b, c, d, count = 0;
    for (unsigned leaf = 0; leaf < 0x20; leaf++)
        if (__get_cpuid_count(leaf, 0, &a, &b, &c, &d)) mix(a), mix(b), mix(c), mix(d), count++;
    CHECK(__get_cpuid(1, &a, &b, &c, &d));
    if (c & bit_RDRND) random_numbers();
    if (c & bit_OSXSAVE) features();
    CHECK(__get_cpuid_count(7, 0, &a, &b, &c, &d));
    if (b & bit_RDSEED) seeds();
    if (c & (1u << 22)) processor();
    uint64_t before = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = __rdtsc();
        CHECK(now >= before);
        mix(before = now);
    }
    for (int i = 0; i < 1000; i++) mix(__rdtscp(&a)), mix(a);
    fprintf(stderr, "%u leaves\n", count);
    printf("%016lx\n", hash);
    return 0;
}

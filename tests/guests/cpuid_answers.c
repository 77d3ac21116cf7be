// The answers of cpuid are the processor's, early and late in a recording: the recorder may know them by then.
#include "guest.h"
#include <cpuid.h>
#include <time.h>
static const unsigned leaves[] = {0, 2, 4, 7, 0xd, 0x14, 0x80000000, 0x80000001, 0x80000008};
static uint64_t ask(void) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        for (unsigned subleaf = 0; subleaf < 6; subleaf++) {
            unsigned a, b, c, d;
            __cpuid_count(leaves[i], subleaf, a, b, c, d);
            unsigned words[] = {a, b, c, d};
            for (int word = 0; word < 4; word++) hash = (hash ^ words[word]) * 0x100000001b3u;
        }
    return hash;
}
int main(void) {
    uint64_t first = ask();
    for (int round = 0; round < 10; round++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        CHECK(ask() == first);
    }
    printf("%016lx\n", first);
    return 0;
}

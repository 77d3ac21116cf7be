// Sums all its own code, at first, after a place has become hot, and in a child; it reads the time stamp and asks the processor.
#include "guest.h"
extern const unsigned char __executable_start, etext;

static unsigned sum(void) {
    unsigned sum = 0;
    for (const unsigned char *at = &__executable_start; at < &etext; at++) sum = sum * 31 + *at;
    return sum;
}

static uint64_t now(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

int main(void) {
    unsigned before = sum(), leaf = 0, vendor, rest[2];
    uint64_t first = now();
    for (int i = 0; i < 100; i++) CHECK(lseek(-1, i, SEEK_SET) == -1);
    __asm__ volatile("cpuid" : "+a"(leaf), "=b"(vendor), "=c"(rest[0]), "=d"(rest[1]));
    CHECK(now() > first);
    printf("%u, %x of %u leaves\n", before, vendor, leaf);
    printf("%s\n", sum() == before ? "the same" : "changed");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        CHECK(now() > first);
        _exit(sum() != before);
    }
    printf("%d\n", wait_status(child));
    // The exact time comes back, too.
    CHECK(lseek(-1, (off_t)(first & 0xffff), SEEK_SET) == -1);
    return 0;
}

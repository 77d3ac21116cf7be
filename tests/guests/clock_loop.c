// 300,000 clock reads and their hash: another number in every run, the same in every replay.
#include "guest.h"
int main(void) {
    uint64_t hash = 1;
    struct timespec now;
    for (int i = 0; i < 300000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        hash = (hash ^ (uint64_t)now.tv_nsec) * 0x100000001b3u;
    }
    printf("%016lx\n", hash);
    return 0;
}

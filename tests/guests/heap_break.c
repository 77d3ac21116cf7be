// brk and sbrk, up and down and by odd amounts; memory given back is zero when it returns.
#include "guest.h"
int main(void) {
    char *start = sbrk(0);
    for (int i = 1; i < 50; i++) {
        char *piece = sbrk(i * 1237);
        CHECK(piece != (void *)-1);
        memset(piece, i, (size_t)i * 1237);
    }
    uint64_t hash = hash_bytes(start, (size_t)((char *)sbrk(0) - start));
    CHECK(brk(start + 100000) == 0 && start[99999] != 0);
    CHECK(brk(start + 5000000) == 0 && start[4999999] == 0 && start[106496] == 0);
    start[4999999] = 1;
    CHECK(brk(start) == 0 && sbrk(0) == start);
    CHECK(brk(start + 8192) == 0 && start[8191] == 0);
    CHECK(brk((void *)0x700000000000) == -1 && errno == ENOMEM);
    CHECK(syscall(SYS_brk, 0) == (long)(start + 8192));
    CHECK(setrlimit(RLIMIT_DATA, &(struct rlimit){1 << 20, 1 << 20}) == 0);
    CHECK(brk(start + (64 << 20)) == -1);
    printf("%016lx\n", hash);
    return 0;
}

// The stack grows: deep recursion, a large frame touched from its far end, MAP_GROWSDOWN, the limit.
#include "guest.h"
#define HOLE (4 << 20)
static uint64_t recurse(int depth) {
    volatile char frame[1000];
    frame[depth % 1000] = (char)depth;
    uint64_t below = depth ? recurse(depth - 1) : 1;
    return below * 31 + (uint64_t)frame[depth % 1000];
}
static uint64_t __attribute__((noinline)) large(void) {
    volatile char frame[6 << 20];
    frame[0] = 3, frame[sizeof frame - 1] = 4;
    return (uint64_t)frame[0] + (uint64_t)frame[1] * 0 + (uint64_t)frame[sizeof frame - 1];
}
int main(void) {
    printf("%016lx\n", recurse(5000));
    printf("%lu\n", large());
    // A hole of its own: the kernel keeps 256 pages free between a growing stack and what is below it.
    char *hole = mmap(NULL, HOLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hole != MAP_FAILED && munmap(hole, HOLE) == 0);
    char *down = mmap(hole + HOLE - 4096, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    CHECK(down != MAP_FAILED);
    down[0] = 1;
    for (int i = 1; i < 4; i++) *(volatile char *)(down - 4096 * i) = (char)i;
    printf("grew to %d\n", down[-4096 * 3]);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        printf("%lu\n", recurse(100000000));
        _exit(0);
    }
    printf("died by %d\n", WTERMSIG(wait_status(child)));
    return 0;
}

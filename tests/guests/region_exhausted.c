// All addresses above the place where reenact lies are taken: the kernel finds others below, and nothing
// is put between what reenact has.
#include "guest.h"
#include <sys/shm.h>
#define START 0x550000000000ul
#define END 0x554000000000ul
enum { PAGE = 4096 };
static int is_checked;  // in a recording: natively, nobody minds
static int is_outside(void *at, size_t length) {
    uintptr_t from = (uintptr_t)at;
    return at != MAP_FAILED && (!is_checked || from + length <= START || from >= END);
}
int main(int argc, char **argv) {
    is_checked = argc > 1 && !strcmp(argv[1], "recorded");
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, made = 0;
    // From large to small until the kernel has gone below.
    for (size_t size = 1ul << 44; size >= 1ul << 30; size >>= 1)
        for (;;) {
            void *at = mmap(NULL, size, PROT_NONE, flags, -1, 0);
            if (at == MAP_FAILED) break;
            CHECK(is_outside(at, size));
            made++;
            if ((uintptr_t)at < START - (1ul << 44)) {
                munmap(at, size);
                break;
            }
        }
    CHECK(made > 2);
    for (int i = 0; i < 100; i++) {
        char *at = mmap(NULL, (1 + i) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(is_outside(at, (1 + i) * PAGE));
        at[0] = i;
        at = mremap(at, (1 + i) * PAGE, (2 + i) << 20, MREMAP_MAYMOVE);
        CHECK(is_outside(at, (2 + i) << 20) && at[0] == i);
    }
    int id = shmget(IPC_PRIVATE, 1 << 20, 0600);
    void *segment = shmat(id, NULL, 0);
    CHECK(id >= 0 && is_outside(segment, 1 << 20) && shmctl(id, IPC_RMID, NULL) == 0);
    // New threads and children have what they need.
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(3);
    CHECK(wait_status(child) == 3 << 8);
    puts("found other addresses");
    return 0;
}

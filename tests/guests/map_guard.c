// Guard pages by MADV_GUARD_INSTALL, which empties them, or by mprotect where the kernel does not know it, as the C library does.
#include "guest.h"
enum { PAGE = 4096, INSTALL = 102, REMOVE = 103 };
static sigjmp_buf back;
static volatile int faults, page, turn;
static void caught(int number, siginfo_t *information, void *context) {
    (void)number, (void)context;
    faults += ((uintptr_t)information->si_addr & (PAGE - 1)) == 7;
    siglongjmp(back, 1);
}
static int guard(char *at, int on) {
    if (madvise(at, PAGE, on ? INSTALL : REMOVE) == 0) return 0;
    CHECK(errno == EINVAL);
    return mprotect(at, PAGE, on ? PROT_NONE : PROT_READ | PROT_WRITE);
}
int main(void) {
    char *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    on_signal(SIGSEGV, caught, 0);
    for (turn = 0; turn < 3; turn++) {
        memset(map, 100 + turn, 4 * PAGE);
        CHECK(guard(map + PAGE, 1) == 0);
        for (page = 0; page < 4; page++)
            if (sigsetjmp(back, 1) == 0) map[page * PAGE + 7] = (char)(turn + 1);
        CHECK(guard(map + PAGE, 0) == 0);
        printf("%d faults: %d %d %d %d, behind it %d %d\n", faults, map[7], map[PAGE + 7], map[2 * PAGE + 7], map[3 * PAGE + 7],
               map[PAGE + 8], map[2 * PAGE + 8]);
    }
    return 0;
}

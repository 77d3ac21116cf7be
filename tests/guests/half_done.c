// Calls about ranges of memory that fail after they have changed a part of it.
#include "guest.h"
#define PAGE 4096
static sigjmp_buf back;
static char *at;
static void on_fault(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    siglongjmp(back, number);
}
static char can(int page, int writes) {
    volatile char *byte = at + page * PAGE;
    int fault = sigsetjmp(back, 1);
    if (fault == 0 && writes) *byte = 7;
    return fault ? '-' : (char)('0' + *byte);
}
// Five pages, the fourth of which is missing, the third in a mapping of its own.
static void fresh(void) {
    at = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    memset(at, 5, 5 * PAGE);
    CHECK(munmap(at + 3 * PAGE, PAGE) == 0 && madvise(at + 2 * PAGE, PAGE, MADV_NOHUGEPAGE) == 0);
}
static void show(const char *what, long result) {
    printf("%s: %ld %d ", what, result, result < 0 ? errno : 0);
    for (int page = 0; page < 5; page++) printf(" %c", can(page, 0)), printf("%c", can(page, 1));
    puts("");
}
int main(void) {
    on_signal(SIGSEGV, on_fault, 0), on_signal(SIGBUS, on_fault, 0);
    fresh(), show("closed", mprotect(at, 5 * PAGE, PROT_NONE));
    fresh(), show("read only", mprotect(at, 5 * PAGE, PROT_READ));
    fresh();
    CHECK(mprotect(at, 2 * PAGE, PROT_NONE) == 0);
    show("opened", mprotect(at, 5 * PAGE, PROT_READ | PROT_WRITE));
    fresh(), show("wrong rights", mprotect(at, 5 * PAGE, 0x40000000));
    fresh(), show("too far", mprotect(at, -1ul << 13, PROT_NONE));
    fresh(), show("dropped", madvise(at, 5 * PAGE, MADV_DONTNEED));
    fresh();
    CHECK(mlock(at + 2 * PAGE, PAGE) == 0);
    show("locked", madvise(at, 5 * PAGE, MADV_DONTNEED));
    fresh(), show("no advice", madvise(at, 5 * PAGE, 999));
    fresh(), show("pinned", mlock(at, 5 * PAGE)), fresh(), show("released", munlock(at, 5 * PAGE));
    int file = open("/proc/self/exe", O_RDONLY);
    fresh();
    CHECK(mmap(at + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
    at[0] = at[PAGE] = 5;
    CHECK(mprotect(at, 2 * PAGE, PROT_READ) == 0);
    show("not to be written", mprotect(at, 3 * PAGE, PROT_READ | PROT_WRITE));
    fresh(), show("moved", (long)mremap(at, 5 * PAGE, 5 * PAGE, MREMAP_MAYMOVE) == -1 ? -1 : 0);
    char *from = at;
    fresh(), show("moved here", (long)mremap(from, 5 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) == -1 ? -1 : 0);
    fresh(), show("mapped", (long)mmap(at, 5 * PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == -1 ? -1 : 0);
    fresh();
    CHECK(madvise(at + 2 * PAGE, PAGE, MADV_DONTFORK) == 0 && madvise(at, 5 * PAGE, MADV_DOFORK) == -1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) show("in the child", 0), exit(0);
    return wait_status(child);
}

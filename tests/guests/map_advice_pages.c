// Every advice, on private and shared memory and on mappings of a file, in the middle of a mapping and beyond its end: the
// result, and page by page what is there afterwards and whether it can be written to. Then mlock and its relatives.
#include "guest.h"
enum { PAGE = 4096, PAGES = 8 };
static char *const place = (char *)0x100000000000;
static sigjmp_buf back;
static volatile int faults;
static void faulted(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    faults = number;
    siglongjmp(back, 1);
}
static void show(const char *what, int result, int error) {
    printf("%s: %d %d", what, result, result ? error : 0);
    for (int i = 0; i < PAGES; i++) {
        volatile char *page = place + i * PAGE;
        faults = 0;
        if (sigsetjmp(back, 1) == 0) printf(" %d", page[0]);
        if (sigsetjmp(back, 1) == 0) page[1] = 3;
        if (faults) printf(" fault %d", faults);
    }
    puts("");
}
enum kind { PRIVATE, SHARED, FILE_SHARED, FILE_PRIVATE, KINDS };
static void make(enum kind kind) {
    int flags = (kind == SHARED || kind == FILE_SHARED ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, file = -1;
    if (kind >= FILE_SHARED) {
        CHECK((file = memfd_create("file", 0)) >= 0 && ftruncate(file, PAGES * PAGE) == 0);
        for (int i = 0; i < PAGES; i++) CHECK(pwrite(file, &(char){(char)(i + 1)}, 1, i * PAGE) == 1);
    }
    CHECK(mmap(place, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | (file < 0 ? MAP_ANONYMOUS : 0), file, 0) == place);
    if (file >= 0) close(file);
    if (kind < FILE_SHARED) for (int i = 0; i < PAGES; i++) place[i * PAGE] = (char)(i + 1);
    if (kind == FILE_PRIVATE) for (int i = 0; i < PAGES; i += 2) place[i * PAGE] += 50;
}
static void in_child(const char *what, int result, int error) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        show(what, result, error);
        fflush(stdout);
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
}
static void advise(enum kind kind, int advice) {
    char what[64];
    make(kind);
    int result = madvise(place + 2 * PAGE, 3 * PAGE, advice), error = errno;
    snprintf(what, sizeof what, "kind %d advice %d", kind, advice);
    // Whether the kernel keeps what it may drop shows in nothing that is the same twice: then it is dropped.
    if (advice == MADV_FREE && result == 0) madvise(place + 2 * PAGE, 3 * PAGE, MADV_DONTNEED);
    if (advice == MADV_DONTFORK || advice == MADV_WIPEONFORK) in_child(what, result, error);
    show(what, result, error);
    errno = 0;
    result = madvise(place + 6 * PAGE, 4 * PAGE + 1, advice), error = errno;
    if (advice == MADV_FREE && error != EINVAL) madvise(place + 6 * PAGE, 2 * PAGE, MADV_DONTNEED);
    show("beyond", result, error);
    result = madvise(place + 1, PAGE, advice), error = errno;
    show("not aligned", result, error);
    munmap(place, PAGES * PAGE);
}
int main(void) {
    on_signal(SIGSEGV, faulted, 0), on_signal(SIGBUS, faulted, 0);
    for (int kind = 0; kind < KINDS; kind++)
        // Those that are tests of the kernel's memory failures (100, 101) are not for everybody.
        for (int advice = -1; advice < 106; advice++) {
            if (advice > 27 && advice < 102) continue;
            advise((enum kind)kind, advice);
        }
    // A range whose middle is another kind of memory.
    make(PRIVATE);
    CHECK(mmap(place + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place + 4 * PAGE);
    int result = madvise(place + 2 * PAGE, 5 * PAGE, MADV_FREE), error = errno;
    if (madvise(place + 2 * PAGE, 2 * PAGE, MADV_DONTNEED)) return 1;
    show("free until another kind", result, error);
    return 0;
}

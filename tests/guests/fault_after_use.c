// Pages that are used before they are used as they may not be: read and then written, written and then executed.
#include "guest.h"
static sigjmp_buf back;
static volatile int faults;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    CHECK(info->si_code == SEGV_ACCERR);
    faults++;
    siglongjmp(back, 1);
}
int main(void) {
    on_signal(SIGSEGV, handler, 0);
    volatile uint64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile uint64_t sum = 0;
    for (int i = 0; i < 10; i++) {
        page[i] = 7;
        CHECK(mprotect((void *)page, 4096, PROT_READ) == 0);
        if (sigsetjmp(back, 1) == 0) {
            for (int word = 0; word < 512; word++) sum += page[word];
            page[0] = sum;
            CHECK(0);
        }
        CHECK(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE) == 0);
        if (sigsetjmp(back, 1) == 0) {
            page[511] = 0xc3;
            sum += page[511];
            ((void (*)(void))&page[511])();
            CHECK(0);
        }
        page[511] = 0;
    }
    printf("%d faults, sum %lu\n", faults, (unsigned long)sum);
    return 0;
}

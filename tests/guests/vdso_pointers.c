// Bad pointers given to functions of the vDSO: they fault where the function stores, but for clocks that the kernel answers.
#include "guest.h"
static sigjmp_buf back;
static char *pages;
static void handler(int number, siginfo_t *info, void *context) {
    ucontext_t *user = context;
    greg_t *registers = user->uc_mcontext.gregs;
    long at = (char *)info->si_addr - pages;
    if (at < 0 || at > 8192) at = (long)info->si_addr;
    printf("signal %d code %d trap %d error %d at %ld\n", number, info->si_code, (int)registers[REG_TRAPNO], (int)registers[REG_ERR], at);
    siglongjmp(back, 1);
}
#define TRY(call)                                                                                   \
    do {                                                                                            \
        errno = 0;                                                                                  \
        if (sigsetjmp(back, 1) == 0) printf("%s: %d %d\n", #call, (int)(call) < 0, errno);          \
    } while (0)
int main(void) {
    pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    on_signal(SIGSEGV, handler, SA_NODEFER);
    struct timespec time_now;
    struct timeval now, *volatile nothing = NULL;
    void *low = (void *)8, *null = NULL, *end = pages + 4096 - 8, *beyond = (void *)(1ul << 63), *closed = pages + 4096;
    void *places[] = {low, null, end, beyond, closed};
    for (volatile size_t i = 0; i < sizeof places / sizeof *places; i++) {
        void *volatile place = places[i];
        TRY(clock_gettime(CLOCK_REALTIME, place));
        TRY(clock_gettime(CLOCK_MONOTONIC_COARSE, place));
        TRY(clock_gettime(CLOCK_MONOTONIC_RAW, place));
        TRY(clock_gettime(CLOCK_BOOTTIME, place));
        TRY(clock_gettime(CLOCK_TAI, place));
        TRY(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, place));
        TRY(clock_gettime(CLOCK_THREAD_CPUTIME_ID, place));
        TRY(clock_gettime(99, place));
        TRY(clock_gettime(-1, place));
        TRY(clock_getres(CLOCK_MONOTONIC, place));
        TRY(clock_getres(CLOCK_PROCESS_CPUTIME_ID, place));
        TRY(clock_getres(99, place));
        TRY(gettimeofday(place, NULL));
        TRY(gettimeofday(&now, place));
        TRY(gettimeofday(nothing, place));
        TRY(getcpu(place, NULL));
    }
    TRY(clock_gettime(CLOCK_REALTIME, end));
    CHECK(*(long *)end > 1000000);
    TRY(clock_gettime(CLOCK_REALTIME, &time_now));
    TRY(gettimeofday(nothing, NULL));
    TRY(getcpu(NULL, NULL));
    return 0;
}

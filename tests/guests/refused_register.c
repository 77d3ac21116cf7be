// Instructions that the recorder performs for the program, with operands that the processor refuses: it faults as natively.
#include "guest.h"
static sigjmp_buf back;
static void handler(int number, siginfo_t *info, void *context) {
    ucontext_t *user = context;
    greg_t *registers = user->uc_mcontext.gregs;
    printf("signal %d code %d trap %d error %d\n", number, info->si_code, (int)registers[REG_TRAPNO], (int)registers[REG_ERR]);
    siglongjmp(back, 1);
}
__attribute__((noinline)) static uint64_t extended_control(uint32_t number) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}
int main(void) {
    on_signal(SIGSEGV, handler, SA_NODEFER);
    on_signal(SIGILL, handler, SA_NODEFER);
    static const uint32_t numbers[] = {0, 9, 0, 1000, 0, 0xffffffff, 0};
    for (volatile size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigsetjmp(back, 1) == 0) printf("%x: %lx\n", numbers[i], extended_control(numbers[i]));
    static char area[16384] __attribute__((aligned(64)));
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0);
    char *places[] = {area, area + 8, pages + 4096 - 128, NULL, (char *)(1ull << 63), area};
    for (volatile size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (sigsetjmp(back, 1) == 0) {
            __asm__ volatile("xsave (%0)" : : "r"(places[i]), "a"(3), "d"(0) : "memory");
            printf("stored %x\n", *(unsigned *)(area + 24));
        }
    return 0;
}

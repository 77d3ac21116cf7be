// Returns that load the code segment, to the one that is there: all registers at once by iretq, as Wine's
// system calls do, and lretq, in a loop with signals and system calls between.
#include "guest.h"
static volatile sig_atomic_t ticks;
static void tick(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    ticks = ticks + 1;
}
static unsigned long by_interrupt_return(unsigned long flags) {
    unsigned long found;
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp\n"  // The red zone.
        "mov %%rsp, %%rax\n mov %%ss, %%ecx\n push %%rcx\n push %%rax\n push %1\n"
        "mov %%cs, %%ecx\n push %%rcx\n lea 1f(%%rip), %%rcx\n push %%rcx\n iretq\n ud2\n"
        "1: pushfq\n pop %0\n cld\n lea 128(%%rsp), %%rsp\n"
        : "=&r"(found) : "r"(flags) : "rax", "rcx", "memory", "cc");
    return found;
}
static unsigned long by_far_return(unsigned long value) {
    __asm__ volatile(
        "lea -128(%%rsp), %%rsp\n push $7\n mov %%cs, %%ecx\n push %%rcx\n lea 1f(%%rip), %%rcx\n push %%rcx\n"
        "rex.w lret $8\n ud2\n 1: lea 128(%%rsp), %%rsp\n add $3, %0\n"
        : "+r"(value) : : "rcx", "memory", "cc");
    return value;
}
int main(void) {
    static const unsigned long flags[] = {0x202, 0x203, 0xa46, 0xed7, 0x602};
    unsigned long sum = 0;
    on_signal(SIGALRM, tick, SA_RESTART);
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    for (int i = 0; i < 20000; i++) {
        unsigned long found = by_interrupt_return(flags[i % 5]) & 0xcd5;
        CHECK(found == (flags[i % 5] & 0xcd5));
        sum = by_far_return(sum * 31 + found);
        if (i % 1000 == 0) getppid();
    }
    printf("%lx\n", sum);
    return 0;
}

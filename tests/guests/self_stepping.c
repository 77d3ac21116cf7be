// A program that steps itself by the trap flag, as some protections and emulators do: each instruction of its own is
// trapped once, and none of a recorder's; in calls made often, instructions whose answer is recorded, repeated ones,
// handlers of other signals, a forked child and a thread.
#include "guest.h"
#include <pthread.h>
#define SET "lea -128(%%rsp), %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n"
#define CLEAR "pushfq\n andq $~0x100, (%%rsp)\n popfq\n lea 128(%%rsp), %%rsp\n"
extern char __executable_start, etext;
static volatile uint64_t steps, hash, others;
static void step(int number, siginfo_t *info, void *context) {
    uint64_t at = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    CHECK(number == SIGTRAP);
    if (info->si_code == TRAP_TRACE) CHECK(info->si_addr == (void *)at);
    // The kernel's own code of the vDSO differs from one machine to the next.
    if (at < (uint64_t)&__executable_start || at >= (uint64_t)&etext) return;
    steps++;
    hash = (hash ^ (at - (uint64_t)&__executable_start) ^ (uint64_t)(info->si_code == SI_KERNEL) << 32) * 0x100000001b3u;
}
static void other(int number, siginfo_t *info, void *context) { others++, (void)number, (void)info, (void)context; }
static void tell(const char *what) {
    printf("%s: %ld steps, %016lx\n", what, (long)steps, (unsigned long)hash);
    fflush(stdout);
    steps = hash = 0;
}
#define STEP(what, code)                                                                          \
    do {                                                                                          \
        uint64_t a = 0, c = 3, d = 0, b = 0;                                                      \
        char bytes[16] = "aaaaaaaaaaaa", *to = bytes;                                             \
        __asm__ volatile(SET code "\n" CLEAR : "+a"(a), "+c"(c), "+d"(d), "+b"(b), "+D"(to) : : "memory", "cc", "r11"); \
        tell(what);                                                                               \
    } while (0)
static long by_compare(void) {
    long result = SYS_getppid;
    __asm__ volatile("syscall\n cmp $-4095, %0\n jae 1f\n nop\n 1:" : "+a"(result) : : "rcx", "r11", "memory", "cc");
    return result;
}
static long by_move(void) {
    long result;
    __asm__ volatile("mov $110, %%eax\n syscall" : "=a"(result) : : "rcx", "r11", "memory");
    return result;
}
static void *thread(void *none) { STEP("thread", "nop\n mov $39, %%eax\n syscall\n nop"); return none; }
int main(void) {
    on_signal(SIGTRAP, step, 0), on_signal(SIGUSR1, other, 0);
    for (int round = 0; round < 12; round++) {
        long parents;
        __asm__ volatile(SET ::: "memory", "cc");
        parents = by_compare() + by_move();
        __asm__ volatile(CLEAR ::: "memory", "cc");
        CHECK(parents == 2 * getppid() && by_compare() == by_move());
    }
    tell("calls");
    // The first instruction that is trapped becomes a jump.
    for (int round = 0; round < 12; round++) STEP("at once", "mov $110, %%eax\n syscall\n nop");
    STEP("repeated", "rep stosb\n mov $3, %%ecx\n sub $2, %%rdi\n mov $'a', %%al\n repe scasb\n xor %%ecx, %%ecx\n rep stosb\n nop");
    STEP("flags", "nop\n pushfq\n pop %%rax\n pushfq\n popfq\n nop");
    STEP("answers", "rdtsc\n nop\n xor %%eax, %%eax\n cpuid\n xor %%ecx, %%ecx\n xgetbv\n nop\n rdtsc");
    STEP("trap", "int3\n nop\n nop");
    STEP("signal", "mov $39, %%eax\n syscall\n mov %%eax, %%edi\n mov $10, %%esi\n mov $62, %%eax\n syscall\n nop\n nop");
    struct timespec time;
    __asm__ volatile(SET ::: "memory", "cc");
    clock_gettime(CLOCK_MONOTONIC, &time);
    __asm__ volatile(CLEAR ::: "memory", "cc");
    tell("clock");
    pthread_t other_thread;
    CHECK(pthread_create(&other_thread, NULL, thread, NULL) == 0 && pthread_join(other_thread, NULL) == 0);
    STEP("fork", "mov $57, %%eax\n syscall\n mov %%eax, %%ebx\n test %%eax, %%eax\n jnz 1f\n nop\n nop\n xor %%edi, %%edi\n mov $60, %%eax\n syscall\n 1: nop");
    CHECK(others == 1 && wait(NULL) > 0);
    return 0;
}

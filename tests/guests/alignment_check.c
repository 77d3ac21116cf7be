// The alignment-check flag, which a program sets for itself: its accesses that are not aligned fault, and nobody else's.
#include "guest.h"
#define CHECKED(code, ...)                                                                                   \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n pushfq\n orq $0x40000, (%%rsp)\n popfq\n" code                  \
                     "\n pushfq\n andq $~0x40000, (%%rsp)\n popfq\n lea 128(%%rsp), %%rsp" __VA_ARGS__)
static char bytes[64] __attribute__((aligned(64)));
static volatile int faults, signals;
static void fault(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    CHECK(number == SIGBUS && info->si_code == BUS_ADRALN && registers[REG_TRAPNO] == 17);
    faults++;
    // The program goes on without the flag.
    registers[REG_EFL] &= ~0x40000L;
}
static void count(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    CHECK(((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] & 0x40000);
    signals++;
}
int main(void) {
    on_signal(SIGBUS, fault, 0), on_signal(SIGUSR1, count, 0);
    // Often enough that the call becomes another way in.
    for (int round = 0; round < 20; round++) {
        long result, flags, pid;
        CHECKED("mov $39, %%eax\n syscall\n mov %%r11, %1\n mov %%rax, %2\n mov %%eax, %%edi\n mov $10, %%esi\n mov $62, %%eax\n syscall",
                : "=a"(result), "=&b"(flags), "=&d"(pid) : : "rcx", "r11", "rdi", "rsi", "memory", "cc");
        CHECK(result == 0 && pid == getpid() && flags & 0x40000);
        result = SYS_getppid;
        CHECKED("syscall\n cmp $-4095, %0\n jae 1f\n nop\n 1:", : "+a"(result) : : "rcx", "r11", "memory", "cc");
        CHECK(result == getppid());
    }
    int value;
    long low, high;
    CHECKED("movl 4(%1), %0", : "=r"(value) : "r"(bytes) : "memory", "cc");
    CHECKED("rdtsc", : "=a"(low), "=d"(high) : : "memory", "cc");
    CHECKED("xor %%eax, %%eax\n cpuid", : "=a"(low) : : "rbx", "rcx", "rdx", "memory", "cc");
    printf("%d faults\n", faults);
    for (int round = 0; round < 3; round++)
        CHECKED("movl 1(%1), %0", : "=r"(value) : "r"(bytes) : "memory", "cc");
    struct timespec time;
    __asm__ volatile("pushfq\n orq $0x40000, (%%rsp)\n popfq" ::: "memory", "cc");
    long got = syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    __asm__ volatile("pushfq\n andq $~0x40000, (%%rsp)\n popfq" ::: "memory", "cc");
    printf("%d faults, %d signals, %ld\n", faults, signals, got);
    return 0;
}

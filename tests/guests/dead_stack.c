// What lies below the stack pointer is part of the state: hashed after system calls and signals.
// Nothing of the recorder may ever be written there, or a replay would print another number.
#include "guest.h"
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    caught += number;
}
static uint64_t __attribute__((noinline)) hash_below(void) {
    uint64_t hash = 1469598103934665603u;
    __asm__ volatile("lea -16384(%%rsp), %%rsi\n\tmov $16000/8, %%ecx\n"
                     "1:\txor (%%rsi), %%rax\n\timul %1, %%rax\n\tadd $8, %%rsi\n\tdec %%ecx\n\tjnz 1b"
                     : "+a"(hash) : "r"(0x100000001b3u + 0ul) : "rsi", "rcx", "memory", "cc");
    return hash;
}
static void __attribute__((noinline)) deepen(void) {
    volatile char room[20000];
    memset((char *)room, 0x5a, sizeof room);
}
int main(void) {
    deepen();
    on_signal(SIGUSR1, handler, 0);
    printf("%016lx\n", hash_below());
    deepen();
    for (int i = 0; i < 300; i++) syscall(SYS_getppid);
    printf("calls %016lx\n", hash_below());
    raise(SIGUSR1);
    printf("signal %016lx\n", hash_below());
    struct timespec now;
    for (int i = 0; i < 300; i++) clock_gettime(CLOCK_MONOTONIC, &now);
    printf("clock %016lx\n", hash_below());
    uint32_t eax = 0, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    printf("cpuid %016lx\n", hash_below());
    if (fork() == 0) {
        printf("child %016lx\n", hash_below());
        return 0;
    }
    wait(NULL);
    printf("fork %016lx, %d\n", hash_below(), caught);
    return 0;
}

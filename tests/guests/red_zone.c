// The 128 bytes below rsp belong to a leaf function, around calls, clock reads and instructions too.
#include "guest.h"
static int __attribute__((noinline)) leaf(long number, long first, long second, int kind) {
    int same;
    __asm__ volatile(
        "movabs $0x1122334455667788, %%r8\n\tmov %%r8, -8(%%rsp)\n\tmov %%r8, -64(%%rsp)\n\tmov %%r8, -128(%%rsp)\n\t"
        "test %k2, %k2\n\tjnz 1f\n\tsyscall\n\tjmp 4f\n"
        "1:\tcmp $1, %k2\n\tjne 2f\n\tmov %%rbx, %%r9\n\tcpuid\n\tmov %%r9, %%rbx\n\tjmp 4f\n"
        "2:\trdtsc\n"
        "4:\txor %1, %1\n\tcmp %%r8, -8(%%rsp)\n\tjne 3f\n\tcmp %%r8, -64(%%rsp)\n\tjne 3f\n\t"
        "cmp %%r8, -128(%%rsp)\n\tjne 3f\n\tinc %1\n3:"
        : "+a"(number), "=&r"(same) : "r"(kind), "D"(first), "S"(second)
        : "rcx", "rdx", "r8", "r9", "r11", "memory", "cc");
    return same;
}
static volatile int caught;
static void handler(int number) { caught += number > 0; }
int main(void) {
    struct timespec now;
    signal(SIGUSR1, handler);
    for (int i = 0; i < 200; i++) {
        CHECK(leaf(SYS_getppid, 0, 0, 0));
        CHECK(leaf(SYS_clock_gettime, CLOCK_REALTIME, (long)&now, 0));
        CHECK(leaf(SYS_kill, getpid(), SIGUSR1, 0));
        CHECK(leaf(0, 0, 0, 1) && leaf(0, 0, 0, 2));
    }
    printf("kept, %d caught\n", caught);
    return 0;
}

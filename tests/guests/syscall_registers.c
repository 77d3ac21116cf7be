// After `syscall` rcx is the next address and r11 the flags; everything else but rax is as before.
#include "guest.h"
static long __attribute__((noinline)) call(long number, long first, long flags) {
    long result;
    __asm__ volatile(
        "push %%rbx\n\tpush %%rbp\n\tpush %%r12\n\tpush %%r13\n\tpush %%r14\n\tpush %%r15\n\t"
        "mov %2, %%r8\n\tmov %%r8, %%r9\n\tmov $0x1111, %%rbx\n\tmov $0x2222, %%rbp\n\tmov $0x5555, %%r12\n\t"
        "mov $0x6666, %%r13\n\tmov $0x7777, %%r14\n\tmov $0x8888, %%r15\n\tmov $0x3333, %%rdx\n\tmov $0x4444, %%r10\n\t"
        "push %%r8\n\tpopf\n\tsyscall\n\t"
        "1:\tpushf\n\tpop %%r8\n\tsub %%r11, %%r8\n\tlea 1b(%%rip), %%rsi\n\tsub %%rcx, %%rsi\n\t"
        "add %%rsi, %%rbx\n\tadd %%r8, %%rbp\n\tadd %%r12, %%rbx\n\tadd %%r13, %%rbx\n\tadd %%r14, %%rbx\n\t"
        "add %%r15, %%rbx\n\tadd %%rdx, %%rbx\n\tadd %%r10, %%rbx\n\tadd %%rbp, %%rbx\n\tmov %%rbx, %%rcx\n\t"
        "pop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\tpop %%rbp\n\tpop %%rbx\n\tcld"
        : "+a"(number), "+D"(first), "+d"(flags), "=c"(result)
        : : "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
    return result;
}
int main(void) {
    long expected = 0x1111 + 0x2222 + 0x5555 + 0x6666 + 0x7777 + 0x8888 + 0x3333 + 0x4444;
    long flags[] = {0x202, 0x203, 0x246, 0x602, 0x293, 0xad7, 0xed7};
    for (int round = 0; round < 100; round++)
        for (int i = 0; i < 7; i++) {
            CHECK(call(SYS_getppid, 0, flags[i]) == expected);
            CHECK(call(SYS_close, -1, flags[i]) == expected);
            CHECK(call(9999, 0, flags[i]) == expected);
        }
    printf("all as before\n");
    return 0;
}

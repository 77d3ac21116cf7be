// System calls in odd surroundings: a jump to right behind one, one at a page's end, all kinds of
// instructions after one (short, long, rip-relative, branches, another syscall), each 300 times.
#include "guest.h"
long pid;
static long plain(int i) {
    long result = 0;
    switch (i) {
#define SHAPE(number, text) case number: __asm__ volatile("mov $39, %%eax\n\t" text : "=a"(result) : \
        : "rcx", "rdx", "r8", "r11", "memory", "cc"); return result
    SHAPE(0, "syscall");
    SHAPE(1, "jmp 2f\n1:\tjmp 3f\n2:\tsyscall\n\tjmp 1b\n3:");
    SHAPE(2, "syscall\n\tsyscall\n\tmov %%eax, %%eax\n\tmov $39, %%eax\n\tsyscall");
    SHAPE(3, "syscall\n\tmov pid(%%rip), %%rdx\n\tcmp %%rdx, %%rax");
    SHAPE(4, "syscall\n\ttest %%rax, %%rax\n\tjs 1f\n\tnop\n1:");
    SHAPE(5, "xor %%edx, %%edx\n\tjmp 2f\n1:\tmov $39, %%eax\n2:\tsyscall\n3:\tinc %%edx\n\tcmp $3, %%edx\n\tjl 1b");
    SHAPE(6, "xor %%edx, %%edx\n\tjmp 2f\n1:\tinc %%edx\n\tcmp $5, %%edx\n\tje 4f\n\tjmp 3f\n2:\tsyscall\n3:\tjmp 1b\n4:");
    SHAPE(7, "syscall\n\tcall 1f\n\tjmp 2f\n1:\tret\n2:");
    SHAPE(8, "lea 1f(%%rip), %%r8\n\tsyscall\n\tjmp *%%r8\n\tud2\n1:");
    SHAPE(9, "syscall\n\tpush %%rax\n\tpop %%rdx\n\tcld\n\tnop\n\tnop");
    SHAPE(10, "syscall\n\tcmp $-4095, %%rax\n\tjae 1f\n\tclc\n1:");
    SHAPE(11, "syscall\n\tlock addl $0, (%%rsp)\n\tmovabs $0x1234567890abcdef, %%rdx");
    }
    return 0;
}
int main(void) {
    unsigned char *code = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    const unsigned char function[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3};
    memcpy(code + 4096 - 7, function, 8);
    memcpy(code + 8192 - 6, function, 8);
    memcpy(code + 3 * 4096 - 8, function, 8);
    CHECK(mprotect(code, 3 * 4096, PROT_READ | PROT_EXEC) == 0);
    pid = getpid();
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 12; i++) CHECK(plain(i) == pid);
        CHECK(((long (*)(void))(code + 4096 - 7))() == pid);
        CHECK(((long (*)(void))(code + 8192 - 6))() == pid);
        CHECK(((long (*)(void))(code + 3 * 4096 - 8))() == pid);
    }
    printf("all shapes\n");
    return 0;
}

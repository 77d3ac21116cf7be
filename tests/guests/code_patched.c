// Generated code makes system calls often enough that the recorder changes the call sites, and is written
// to and replaced all the same.
#include "guest.h"
typedef long (*function)(void);
static unsigned char *code;
// mov eax, NUMBER; syscall; ret
static long by_number(unsigned number) {
    memcpy(code, (unsigned char[]){0xb8, number, 0, 0, 0, 0x0f, 0x05, 0xc3}, 8);
    return ((function)code)();
}
// xor eax, eax; mov al, NUMBER; syscall; cmp rax, LIMIT; setb al; movzx eax, al; ret
static long compared(unsigned number, unsigned limit) {
    unsigned char *at = code + 64;
    memcpy(at, (unsigned char[]){0x31, 0xc0, 0xb0, number, 0x0f, 0x05, 0x48, 0x3d, limit, limit >> 8, limit >> 16,
                                 limit >> 24, 0x0f, 0x92, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3}, 19);
    return ((function)at)();
}
int main(void) {
    unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    code = page + 512;
    int sum = 0;
    for (int round = 0; round < 20; round++) {
        CHECK(by_number(SYS_getpid) == getpid() && by_number(SYS_getppid) == getppid());
        for (int i = 0; i < 4; i++) CHECK(((function)code)() == getppid());
        CHECK(compared(SYS_getpid, getpid() + 1) == 1 && compared(SYS_getpid, getpid()) == 0);
        for (int i = 0; i < 4; i++) CHECK(((function)(code + 64))() == 0);
        code[2048 + round]++;
        // Compiled code there calls nothing: lea eax, [rdi + 1]; ret, and nops.
        memset(code + 64, 0x90, 19);
        memcpy(code + 68, (unsigned char[]){0x8d, 0x47, 0x01, 0xc3}, 4);
        sum += ((int (*)(int))(code + 64))(round);
    }
    for (int i = 0; i < 32; i++) sum += code[2048 + i];
    // Memory that can be executed only after it has been written, as most compilers do.
    for (int round = 0; round < 20; round++) {
        CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
        memcpy(code, (unsigned char[]){0xb8, round % 2 ? SYS_getpid : SYS_getppid, 0, 0, 0, 0x0f, 0x05, 0xc3}, 8);
        CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        for (int i = 0; i < 5; i++) CHECK(((function)code)() == (round % 2 ? getpid() : getppid()));
    }
    printf("%d\n", sum);
    return 0;
}

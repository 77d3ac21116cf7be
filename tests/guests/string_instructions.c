// rep movs, stos, cmps, scas of all widths and both directions; faults in the middle of one, mended.
#include "guest.h"
static char *pages;
static volatile int faults;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    CHECK(info->si_addr == pages + 4096 && registers[REG_RDI] == (greg_t)(pages + 4096));
    CHECK(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE) == 0);
    faults++;
}
int main(void) {
    pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    on_signal(SIGSEGV, handler, 0);
    char source[4000];
    for (int i = 0; i < 4000; i++) source[i] = (char)(i * 13);
    for (int round = 0; round < 20; round++) {
        CHECK(mprotect(pages + 4096, 4096, PROT_NONE) == 0);
        void *to = pages + 1096 + round * 8, *from = source;
        size_t count = 4000 / (round % 2 ? 8 : 1);
        if (round % 2) __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
        else __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
        CHECK(count == 0 && memcmp(pages + 1096 + round * 8, source, 4000) == 0);
    }
    void *to = pages + 8184, *from = source + 3992;
    size_t count = 500;
    __asm__ volatile("std\n\trep movsq\n\tcld" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    uint64_t hash = hash_bytes(pages, 8192);
    void *at = pages;
    count = 8192;
    __asm__ volatile("repne scasb" : "+D"(at), "+c"(count) : "a"('\x27') : "memory", "cc");
    void *one = pages, *two = pages + 3;
    size_t left = 4000;
    __asm__ volatile("repe cmpsb" : "+D"(one), "+S"(two), "+c"(left) : : "memory", "cc");
    at = pages, count = 1000;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(0x01020304) : "memory");
    printf("%d faults, %016lx, %zu, %016lx\n", faults, hash, left, hash_bytes(pages, 8192));
    return 0;
}

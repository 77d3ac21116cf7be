// Each synchronous fault with a handler that mends the cause or steps over it, and goes on.
#include "guest.h"
#include <sys/ucontext.h>
static volatile int counts[32], codes[32];
static volatile char *page, *file_page;
static int file;
static void handler(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    counts[number]++, codes[number] = info->si_code;
    switch (number) {
    case SIGSEGV:
        CHECK(info->si_addr == page + 5);
        CHECK(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE) == 0);
        break;
    case SIGBUS:
        CHECK(info->si_addr == file_page + 7 && ftruncate(file, 4096) == 0);
        break;
    case SIGFPE:
        registers[REG_RCX] = 7;
        break;
    case SIGILL:
        CHECK(info->si_addr == (void *)registers[REG_RIP]);
        registers[REG_RIP] += 2;
        break;
    case SIGTRAP: break;
    }
}
int main(void) {
    int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (int i = 0; i < 5; i++) on_signal(numbers[i], handler, 0);
    file = memfd_create("f", 0);
    for (int i = 0; i < 20; i++) {
        page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        page[5] = 3;
        CHECK(page[5] == 3);
        file_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        file_page[7] = 9;
        CHECK(file_page[7] == 9 && ftruncate(file, 0) == 0);
        uint64_t low = 100, high = 0;
        __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%rcx" : "+a"(low), "+d"(high) : : "rcx", "cc");
        CHECK(low == 14 && high == 2);
        __asm__ volatile("ud2");
        __asm__ volatile("int3");
    }
    for (int i = 0; i < 5; i++) printf("%d: %d code %d\n", numbers[i], counts[numbers[i]], codes[numbers[i]]);
    return 0;
}

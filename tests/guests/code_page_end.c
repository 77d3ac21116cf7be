// Instructions that are not deterministic at the very end of a page, with and without prefixes, and one that goes on
// in the next page; with that page in place, without access, and gone.
#include "guest.h"
#include <setjmp.h>
#define AT_END(name, length, code)                                                         \
    ".p2align 12\n.type " name ", @function\n" name ": .skip 4096 - " #length ", 0x90\n" code "\n ret\n" \
    ".size " name ", . - " name "\n"
__asm__(".text\n" AT_END("plain", 2, "rdtsc") AT_END("prefixed", 3, ".byte 0x48\n rdtsc")
        AT_END("random", 4, "rdrand %rax") AT_END("across", 1, "rdtsc") ".p2align 12\n"
        ".section .data.rel.local, \"aw\"\n pages: .quad plain, prefixed, random, across\n .text\n");
typedef unsigned function(void);
extern char *pages[] __asm__("pages");
extern char __executable_start[];
static sigjmp_buf back;
static void fault(int number, siginfo_t *info, void *context) {
    long ip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    printf("signal %d, code %d, for %#lx at %#lx\n", number, info->si_code, (long)info->si_addr & 4095, ip & 4095);
    siglongjmp(back, 1);
}
static void execute(char *page) {
    function *near_end = (function *)(page + 4080);
    if (!sigsetjmp(back, 1)) near_end();
}
int main(void) {
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    int program = open("/proc/self/exe", O_RDONLY);
    CHECK(program >= 0);
    for (int i = 0; i < 4; i++) {
        function *near_end = (function *)(pages[i] + 4080);
        fprintf(stderr, "%#x\n", near_end());
        char *room = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(room != MAP_FAILED);
        char *page = mmap(room, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, program, pages[i] - __executable_start);
        CHECK(page == room);
        execute(page);
        CHECK(munmap(room + 4096, 4096) == 0);
        execute(page);
    }
    return 0;
}

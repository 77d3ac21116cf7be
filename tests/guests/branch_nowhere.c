// Branches to what is no address fault at the branch, before it has changed anything: a handler sees it, and goes on.
#include "guest.h"
static sigjmp_buf back;
static volatile uint64_t at;
static void *volatile target = (void *)0x4141414141414141;

static void handler(int number, siginfo_t *info, void *context) {
    const ucontext_t *interrupted = context;
    CHECK(number == SIGSEGV);
    at = (uint64_t)interrupted->uc_mcontext.gregs[REG_RIP];
    printf("code %d, address %p\n", info->si_code, info->si_addr);
    siglongjmp(back, 1);
}

// Each is taken many times before it leads nowhere.
#define BRANCH(name, instructions)                                                   \
    extern const char name##_at[];                                                   \
    __attribute__((noinline)) static void name(void *to, uint64_t mark) {            \
        __asm__ volatile("push %1\n\tpop %1\n\t" instructions                        \
                         : "+a"(to)                                                  \
                         : "r"(mark)                                                 \
                         : "rcx", "memory");                                         \
    }
BRANCH(returns, "lea 1f(%%rip), %%rcx\n\ttest %%rax, %%rax\n\tcmovz %%rcx, %%rax\n\tsub $128, %%rsp\n\tpush %%rax\n\t"
                ".globl returns_at\nreturns_at: ret\n1: add $128, %%rsp")
BRANCH(jumps, "lea 1f(%%rip), %%rcx\n\ttest %%rax, %%rax\n\tcmovz %%rcx, %%rax\n\t"
              ".globl jumps_at\njumps_at: jmp *%%rax\n1:")
BRANCH(calls, "lea 2f(%%rip), %%rcx\n\ttest %%rax, %%rax\n\tcmovz %%rcx, %%rax\n\tsub $128, %%rsp\n\t"
              ".globl calls_at\ncalls_at: call *%%rax\n\tjmp 1f\n2: ret\n1: add $128, %%rsp")

static void (*const branches[])(void *, uint64_t) = {returns, jumps, calls};
static const char *const places[] = {returns_at, jumps_at, calls_at};

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static char room[65536];
    stack_t own = {.ss_sp = room, .ss_size = sizeof room};
    CHECK(sigaltstack(&own, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        for (int times = 0; times < 1000; times++)
            branches[i](NULL, 7);
        if (sigsetjmp(back, 1) == 0)
            branches[i](target, 7);
        printf("%d: at the branch: %d\n", i, at == (uint64_t)places[i]);
    }
    return 0;
}

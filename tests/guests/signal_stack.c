// sigaltstack: handlers on it, SS_ONSTACK, overflow of the ordinary stack survived, disabling.
#include "guest.h"
static char stack[65536];
static sigjmp_buf back;
static volatile int on_it, overflows;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    char here;
    ucontext_t *state = context;
    on_it = &here >= stack && &here < stack + sizeof stack;
    CHECK(state->uc_stack.ss_sp == stack && state->uc_stack.ss_size == sizeof stack);
    stack_t current;
    CHECK(sigaltstack(NULL, &current) == 0 && current.ss_flags == SS_ONSTACK);
    CHECK(sigaltstack(&current, NULL) == -1);
}
static void overflow(int number, siginfo_t *info, void *context) {
    (void)context;
    CHECK(number == SIGSEGV && info->si_code == SEGV_MAPERR);
    overflows++;
    siglongjmp(back, 1);
}
static int recurse(volatile int depth) {
    volatile char page[4096];
    page[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + page[0];
}
int main(void) {
    stack_t wanted = {.ss_sp = stack, .ss_size = sizeof stack}, old;
    CHECK(sigaltstack(&wanted, &old) == 0 && old.ss_flags == SS_DISABLE);
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    printf("on it: %d\n", on_it);
    CHECK(setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, RLIM_INFINITY}) == 0);
    on_signal(SIGSEGV, overflow, SA_ONSTACK);
    for (int i = 0; i < 3; i++)
        if (sigsetjmp(back, 1) == 0) recurse(0);
    printf("overflows: %d\n", overflows);
    wanted.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&wanted, NULL) == 0 && sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
    wanted = (stack_t){.ss_sp = stack, .ss_size = 100};
    CHECK(sigaltstack(&wanted, NULL) == -1 && errno == ENOMEM);
    return 0;
}

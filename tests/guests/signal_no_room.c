// A signal whose frame cannot be written: SIGSEGV instead, on a stack of its own; or the end.
#include "guest.h"
static char stack[65536];
static sigjmp_buf back;
static volatile int others;
static void other(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    others++;
}
static void segment(int number, siginfo_t *info, void *context) {
    (void)context;
    char here;
    CHECK(&here >= stack && &here < stack + sizeof stack);
    CHECK(number == SIGSEGV && info->si_signo == SIGSEGV && info->si_code == SI_KERNEL && info->si_addr == NULL);
    siglongjmp(back, 1);
}
// The stack pointer is bad while the call is made, and while the loop runs.
static void strike(int number) {
    __asm__ volatile("mov %%rsp, %%rbx; mov $64, %%esp; syscall; mov %%rbx, %%rsp"
                     : : "a"(SYS_kill), "D"(getpid()), "S"(number) : "rbx", "rcx", "r11", "memory");
}
static void spin(void) {
    struct itimerval soon = {.it_value = {0, 10000}};
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    __asm__ volatile("mov $64, %%esp; 1: jmp 1b" : : : "memory");
}
int main(void) {
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    CHECK(sigaltstack(&alternate, NULL) == 0);
    on_signal(SIGUSR1, other, 0), on_signal(SIGALRM, other, 0), on_signal(SIGSEGV, segment, SA_ONSTACK);
    for (int round = 0; round < 10; round++)
        if (sigsetjmp(back, 1) == 0) strike(SIGUSR1);
    if (sigsetjmp(back, 1) == 0) spin();
    printf("%d of the others\n", others);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        on_signal(SIGSEGV, segment, 0);
        strike(SIGUSR1);
        _exit(0);
    }
    printf("died by %d\n", WTERMSIG(wait_status(child)));
    return 0;
}

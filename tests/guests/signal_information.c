// SA_SIGINFO: what si_code, si_pid, si_value, si_status and the ucontext say, by each kind of sender.
#include "guest.h"
static siginfo_t last;
static volatile int count;
static uint64_t masked;
static void handler(int number, siginfo_t *info, void *context) {
    ucontext_t *state = context;
    CHECK(number == info->si_signo);
    masked = state->uc_sigmask.__val[0];
    CHECK(state->uc_mcontext.gregs[REG_RIP] != 0 && (uintptr_t)context > (uintptr_t)&number);
    last = *info;
    count++;
}
int main(void) {
    for (int number = 1; number < 65; number++)
        if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33) on_signal(number, handler, 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(count == 1 && last.si_code == SI_USER && last.si_pid == getpid() && last.si_uid == getuid());
    CHECK(raise(SIGUSR2) == 0);
    CHECK(count == 2 && last.si_code == SI_TKILL && last.si_pid == getpid());
    CHECK(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_ptr = (void *)0x1234567890}) == 0);
    CHECK(count == 3 && last.si_code == SI_QUEUE && last.si_value.sival_ptr == (void *)0x1234567890);
    pid_t child = fork();
    if (child == 0) _exit(kill(getppid(), SIGTERM) == 0 ? 17 : 18);
    while (count < 5) usleep(1000);
    CHECK(wait_status(child) == 17 << 8);
    child = fork();
    if (child == 0) _exit(33);
    while (count < 6) usleep(1000);
    CHECK(last.si_signo == SIGCHLD && last.si_code == CLD_EXITED && last.si_status == 33 && last.si_pid == child);
    CHECK(wait_status(child) == 33 << 8);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(raise(SIGALRM) == 0 && count == 7 && masked == 1u << (SIGHUP - 1));
    for (int number = 34; number <= 64; number++) CHECK(raise(number) == 0 && last.si_signo == number);
    printf("%d signals\n", count);
    return 0;
}

/* Handlers on an alternate stack, from a timer; actions, masks and stacks are what they were. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile long ticks, sum;
static char stack[65536];

static void handle(int number, siginfo_t *info, void *context)
{
    char bytes[2000];
    memset(bytes, (int)ticks++, sizeof bytes);
    for (int i = 0; i < 100000; i++)
        sum = sum * 3 + bytes[i % sizeof bytes] + (number != SIGALRM) + (info == 0) + (context == 0);
}

int main(int count, char **words)
{
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack}, found;
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART}, old;
    struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&action.sa_mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    sigaltstack(&own, 0);
    sigaction(SIGALRM, &action, 0);
    signal(SIGHUP, SIG_IGN);
    kill(getpid(), SIGUSR1);
    setitimer(ITIMER_REAL, &often, 0);
    printf("ready\n");
    fflush(stdout);
    for (long before = -1; count == 2 && (access(words[1], F_OK) || ticks - before < 20);)
        if (before < 0 && !access(words[1], F_OK))
            before = ticks;
    setitimer(ITIMER_REAL, &never, 0);
    sigaction(SIGALRM, 0, &old);
    printf("%d %x %d\n", old.sa_sigaction == handle, old.sa_flags, sigismember(&old.sa_mask, SIGUSR2));
    sigaction(SIGHUP, 0, &old);
    sigaltstack(0, &found);
    printf("%d %d %zu %d\n", old.sa_handler == SIG_IGN, found.ss_sp == stack, found.ss_size, found.ss_flags);
    sigprocmask(SIG_BLOCK, 0, &blocked);
    printf("%d ", sigismember(&blocked, SIGUSR1));
    sigpending(&blocked);
    printf("%d\n", sigismember(&blocked, SIGUSR1));
    return 0;
}

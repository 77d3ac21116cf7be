// Children killed as soon as they are there: most of them before their first instruction.
#include "guest.h"
int main(void) {
    cpu_set_t one;
    CHECK(sched_getaffinity(0, sizeof one, &one) == 0);
    for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &one) && kept++) CPU_CLR(cpu, &one);
    // On one processor the parent mostly runs on when it has forked.
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    int killed[3] = {0};
    const int with[3] = {SIGKILL, SIGTERM, SIGUSR1};
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) pause(), _exit(9);
        if (round % 5 == 4) sched_yield();
        CHECK(kill(child, with[round % 3]) == 0);
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == with[round % 3]);
        killed[round % 3]++;
    }
    printf("%d %d %d\n", killed[0], killed[1], killed[2]);
    return 0;
}

// Two signals at almost the same moment, over and over: each comes once, however they meet; and one that is
// sent to a child as soon as it exists.
#include "guest.h"
enum { ROUNDS = 4000, CHILDREN = 100 };
static volatile int seen[2];
static void handler(int number) {
    seen[number == SIGALRM]++;
}
static void wait_until(int rounds) {
    // Long enough for any machine; a lost signal never comes.
    for (int i = 0; i < 10000 && (seen[0] < rounds || seen[1] < rounds); i++) usleep(i < 50 ? 10 : 1000);
}
int main(void) {
    signal(SIGUSR1, handler), signal(SIGALRM, handler);
    unsigned random = 1;
    for (int round = 1; round <= ROUNDS; round++) {
        random = random * 1103515245 + 12345;
        struct itimerval soon = {{0, 0}, {0, 1 + (random >> 16) % 10}};
        CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0 && kill(getpid(), SIGUSR1) == 0);
        wait_until(round);
        CHECK(seen[0] == round && seen[1] == round);
    }
    for (int i = 0; i < CHILDREN; i++) {
        seen[0] = 0, seen[1] = 1;
        pid_t pid = fork();
        if (pid == 0) {
            wait_until(1);
            _exit(seen[0] == 1 ? 0 : 1);
        }
        CHECK(kill(pid, SIGUSR1) == 0 && wait_status(pid) == 0);
    }
    printf("all came\n");
    return 0;
}

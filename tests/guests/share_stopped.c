// A process that shares memory is stopped by the one it shares with, which goes on, and lets it go on.
#include <signal.h>
#include "guest.h"
#include <time.h>
int main(void) {
    volatile unsigned *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        for (;;) {
            shared[1]++;
            // Between its calls it waits for its turn.
            CHECK(getppid() > 0);
            sched_yield();
        }
    unsigned sum = 0;
    for (int round = 0; round < 60; round++) {
        CHECK(kill(child, SIGSTOP) == 0);
        // Not yet known to have stopped, and then known.
        for (int i = 0; i < 3; i++) {
            CHECK(nanosleep(&(struct timespec){0, 100000}, NULL) == 0);
            sum += shared[1];
        }
        int status;
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        unsigned stopped = shared[1];
        for (int i = 0; i < 3; i++) CHECK(nanosleep(&(struct timespec){0, 100000}, NULL) == 0 && shared[1] == stopped);
        CHECK(kill(child, SIGCONT) == 0);
        while (shared[1] == stopped) sched_yield();
    }
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child && sum > 0);
    puts("went on");
    return 0;
}

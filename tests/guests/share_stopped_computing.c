// A process that shares memory is stopped by one that does not (a shell's job control, a debugger) while it
// computes, and much later it goes on. Meanwhile the others run, and see what it has left.
#include "guest.h"
enum { ROUNDS = 4, STEPS = 3000000 };
static void pause_for(long milliseconds) {
    struct timespec time = {0, milliseconds * 1000000};
    CHECK(nanosleep(&time, NULL) == 0);
}
int main(void) {
    volatile unsigned long *counts =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    pid_t worker = fork();
    CHECK(worker >= 0);
    if (worker == 0) {
        for (;;) counts[0]++;
    }
    char text[16];
    snprintf(text, sizeof text, "%d", (int)worker);
    for (int round = 0; round < ROUNDS; round++) {
        // The stranger shares no memory: it has executed another program.
        pid_t stranger = fork();
        CHECK(stranger >= 0);
        if (stranger == 0) {
            const char *script = "sleep 0.03; kill -STOP $0; sleep 0.3; kill -CONT $0";
            execl("/bin/sh", "sh", "-c", script, text, (char *)0);
            _exit(1);
        }
        int status;
        CHECK(waitpid(worker, &status, WUNTRACED) == worker && WIFSTOPPED(status));
        unsigned long left = counts[0];
        for (int i = 0; i < STEPS; i++) counts[1]++;
        pause_for(1);
        CHECK(counts[0] == left);
        CHECK(wait_status(stranger) == 0);
        while (counts[0] == left) sched_yield();
    }
    CHECK(kill(worker, SIGKILL) == 0 && wait_status(worker) == SIGKILL);
    printf("%lu\n", counts[1]);
    return 0;
}

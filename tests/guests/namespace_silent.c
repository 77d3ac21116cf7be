// A process of another pid namespace that does nothing for a second, while others of the same numbers come and go.
#include "guest.h"
static void sleeps(int milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    CHECK(nanosleep(&time, NULL) == 0);
}
int main(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) return puts("no namespaces"), 0;
    pid_t first = fork();
    if (first == 0) {
        CHECK(getpid() == 1);
        // Killed without a word, so that only its absence tells.
        pid_t killed = fork();
        if (killed == 0) {
            sleeps(60000);
            _exit(1);
        }
        sleeps(1300);
        printf("child %d of %d after a while\n", killed, getpid());
        fflush(stdout);
        CHECK(kill(killed, SIGKILL) == 0 && wait_status(killed) == SIGKILL);
        for (int round = 0; round < 3; round++) {
            sleeps(700);
            printf("round %d\n", round);
            fflush(stdout);
        }
        _exit(5);
    }
    CHECK(wait_status(first) == 5 << 8);
    return 0;
}

// Signals that the program ignores arrive while its threads compute: nothing is delivered, and no
// thread may go on meanwhile at a place that the log does not know.
#include "guest.h"
#include <pthread.h>
static volatile uint64_t shared, order;
static volatile int done;
static void *rival(void *unused) {
    (void)unused;
    while (!done) shared = shared * 31 + 1;
    return NULL;
}
int main(void) {
    // The recorder itself needs this one, so the kernel does not ignore it.
    CHECK(signal(SIGTRAP, SIG_IGN) != SIG_ERR);
    pid_t sender = fork();
    if (sender == 0) {
        for (int i = 0; i < 600; i++) usleep(500), kill(getppid(), SIGTRAP);
        _exit(0);
    }
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, rival, NULL) == 0);
    // By its own clock: so many rounds after each other change of the word.
    for (uint64_t round = 0; round < 150000000; round++) {
        uint64_t seen = shared;
        shared = seen * 33 + 7;
        order = order * 31 + seen;
    }
    done = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(wait_status(sender) == 0);
    printf("%016lx\n", order);
    return 0;
}

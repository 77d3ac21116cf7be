// A thread that waits for its turn, on the one processor, handles a signal before it sees what the sender stored behind it.
#include "guest.h"
#include <pthread.h>
#include <sched.h>
enum { ROUNDS = 60 };
static volatile int stored, handled, seen;
static void handler(int number) {
    (void)number;
    handled++;
}
static void *receive(void *unused) {
    for (int i = 1; i <= ROUNDS; i++) {
        while (stored < i)
            if (i % 3 == 0) sched_yield();
        CHECK(handled >= i);
        seen = i;
    }
    return unused;
}
int main(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CHECK(sched_getaffinity(0, sizeof one, &one) == 0);
    for (int cpu = 0, found = 0; cpu < CPU_SETSIZE; cpu++) {
        if (found) CPU_CLR(cpu, &one);
        found |= CPU_ISSET(cpu, &one);
    }
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, receive, NULL) == 0);
    for (int i = 1; i <= ROUNDS; i++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        stored = i;
        while (seen < i)
            if (i % 2) sched_yield();
    }
    pthread_join(thread, NULL);
    printf("%d\n", handled);
    return 0;
}

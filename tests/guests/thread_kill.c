// Signals sent to a thread that computes, that waits, and to one that has blocked them; values in
// order; a handler runs in the thread it was sent to.
#include "guest.h"
#include <pthread.h>
static volatile int handled, stop;
static volatile uint64_t spun;
static __thread int here;
static int values[8], taken, ends[2];
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    here++;
    if (info->si_code == SI_QUEUE) values[taken++ % 8] = info->si_value.sival_int;
    handled++;
}
static void *spins(void *argument) {
    while (!stop) spun++;
    *(int *)argument = here;
    return NULL;
}
static void *waits(void *argument) {
    char byte;
    ssize_t count;
    while ((count = read(ends[0], &byte, 1)) == -1) CHECK(errno == EINTR);
    CHECK(count == 1);
    *(int *)argument = here;
    return NULL;
}
static void send_to(pthread_t thread, int number) {
    int before = handled;
    CHECK(pthread_kill(thread, number) == 0);
    while (handled == before) usleep(500);
}
int main(void) {
    pthread_t busy, waiting;
    int busy_count = 0, waiting_count = 0;
    sigset_t set;
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGRTMIN + 1, handler, 0);
    CHECK(pipe(ends) == 0);
    pthread_create(&busy, NULL, spins, &busy_count);
    pthread_create(&waiting, NULL, waits, &waiting_count);
    usleep(10000);
    for (int i = 0; i < 10; i++) send_to(busy, SIGUSR1);
    for (int i = 0; i < 10; i++) send_to(waiting, SIGUSR1);
    sigemptyset(&set), sigaddset(&set, SIGRTMIN + 1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = i}) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    stop = 1;
    send_to(waiting, SIGUSR1);
    CHECK(write(ends[1], "", 1) == 1);
    pthread_join(busy, NULL), pthread_join(waiting, NULL);
    printf("busy %d waiting %d main %d\n", busy_count, waiting_count, here);
    for (int i = 0; i < 8; i++) printf("%d ", values[i]);
    printf("\n");
    return 0;
}

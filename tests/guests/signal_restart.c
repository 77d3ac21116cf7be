// SA_RESTART against EINTR: read, wait, nanosleep, poll, pause, accept-like waits with each.
#include "guest.h"
static volatile int caught;
static int ends[2];
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    caught++;
    if (caught % 2 == 0) CHECK(write(ends[1], "x", 1) == 1);
}
static void timer(void) {
    struct itimerval soon = {{0, 0}, {0, 20000}};
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
}
int main(void) {
    char byte;
    CHECK(pipe(ends) == 0);
    on_signal(SIGALRM, handler, 0);
    timer();
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR && caught == 1);
    on_signal(SIGALRM, handler, SA_RESTART);
    timer();
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x' && caught == 2);
    struct timespec wanted = {10, 0}, left = {0, 0};
    timer();
    CHECK(nanosleep(&wanted, &left) == -1 && errno == EINTR && left.tv_sec == 9 && caught == 3);
    timer();
    CHECK(poll(NULL, 0, 10000) == -1 && errno == EINTR && caught == 4);
    timer();
    CHECK(pause() == -1 && errno == EINTR && caught == 5);
    CHECK(read(ends[0], &byte, 1) == 1);
    struct timeval ten = {10, 0};
    timer();
    CHECK(select(0, NULL, NULL, NULL, &ten) == -1 && errno == EINTR && caught == 6);
    CHECK(read(ends[0], &byte, 1) == 1);
    timer();
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, &left) == EINTR && caught == 7);
    pid_t child = fork();
    if (child == 0) {
        usleep(100000);
        _exit(2);
    }
    timer();
    int status;
    CHECK(wait(&status) == child && WEXITSTATUS(status) == 2 && caught == 8);
    printf("%d caught\n", caught);
    return 0;
}

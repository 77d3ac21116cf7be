// SA_RESTART against EINTR: read, wait, nanosleep, poll, pause, accept-like waits with each. The timer
// goes on until a call has returned: on a busy machine its first signal may come before the call.
#include "guest.h"
static volatile int caught, writes_at;
static int ends[2];
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    if (++caught == writes_at) CHECK(write(ends[1], "x", 1) == 1);
}
static void timer(int microseconds) {
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, microseconds}, {0, microseconds}}, NULL) == 0);
}
// Whether the call before was interrupted by the handler, not restarted.
static int interrupted(long result) {
    int error = errno;
    timer(0);
    int was = result == -1 && error == EINTR && caught > 0;
    caught = 0;
    timer(20000);
    return was;
}
int main(void) {
    char byte;
    struct timespec wanted = {1000, 0}, left = {0, 0};
    struct timeval long_time = {1000, 0};
    CHECK(pipe(ends) == 0);
    on_signal(SIGALRM, handler, 0);
    timer(20000);
    CHECK(interrupted(read(ends[0], &byte, 1)));
    writes_at = 2;
    on_signal(SIGALRM, handler, SA_RESTART);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x' && caught >= 2);
    writes_at = caught = 0;
    CHECK(interrupted(nanosleep(&wanted, &left)) && left.tv_sec > 900 && left.tv_sec < 1000);
    CHECK(interrupted(poll(NULL, 0, 1000000)));
    CHECK(interrupted(pause()));
    CHECK(interrupted(select(0, NULL, NULL, NULL, &long_time)));
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, &left) == EINTR);
    timer(0), caught = 0, writes_at = 2;
    pid_t child = fork();
    if (child == 0) _exit(read(ends[0], &byte, 1) == 1 ? 2 : 3);
    timer(20000);
    int status;
    CHECK(wait(&status) == child && WEXITSTATUS(status) == 2 && caught >= 2);
    timer(0), puts("restarted and interrupted");
    return 0;
}

// A signal during each blocking call of a thread: EINTR or restart as without a recorder.
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
static pthread_t target;
static int ends[2], sockets[2], epoll;
static volatile int handled, returned;
static sem_t never;
static void handler(int a, siginfo_t *b, void *c) { (void)a, (void)b, (void)c, handled++; }
static void *pokes(void *argument) {
    usleep(4000);
    CHECK(pthread_kill(target, SIGUSR1) == 0);
    while (!handled) usleep(200);
    usleep(4000);
    if (argument) CHECK(write(ends[1], "x", 1) == 1 && write(sockets[1], "y", 1) == 1);
    // On a busy machine the first one may come before the call.
    for (; !argument && !returned; usleep(4000)) CHECK(pthread_kill(target, SIGUSR1) == 0);
    return NULL;
}
static long call(int which) {
    struct timespec time = {30, 0}, rest;
    struct pollfd request = {.fd = ends[0], .events = POLLIN};
    struct epoll_event event;
    fd_set set;
    char byte;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    switch (which) {
    case 0: return read(ends[0], &byte, 1);
    case 1: return recv(sockets[0], &byte, 1, 0);
    case 2: return nanosleep(&time, &rest);
    case 3: return clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &rest);
    case 4: return poll(&request, 1, 30000);
    case 5: return select(ends[0] + 1, &set, NULL, NULL, &(struct timeval){30, 0});
    case 6: return epoll_wait(epoll, &event, 1, 30000);
    case 7: return sem_wait(&never);
    case 8: return pause();
    case 9: return sem_clockwait(&never, CLOCK_MONOTONIC, &time);
    default: return ppoll(&request, 1, &time, NULL);
    }
}
int main(void) {
    target = pthread_self();
    CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    CHECK((epoll = epoll_create1(0)) >= 0 && sem_init(&never, 0, 0) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){EPOLLIN, {0}}) == 0);
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        on_signal(SIGUSR1, handler, flags);
        for (int which = 0; which < 11; which++) {
            int restarts = flags && which < 2;
            pthread_t poker;
            handled = returned = 0, errno = 0;
            CHECK(pthread_create(&poker, NULL, pokes, restarts ? "" : NULL) == 0);
            long result = (flags && (which == 7 || which == 9)) ? -2 : call(which);
            int error = errno;
            returned = 1, printf("%x %d: %ld errno %d\n", flags, which, result, error);
            char rest[8];
            pthread_join(poker, NULL);
            if (restarts) CHECK(read(which ? ends[0] : sockets[0], rest, 1) == 1);
        }
    }
    return 0;
}

// poll, select and epoll in threads, woken by writes of another; eventfd, timerfd and signalfd.
#include "guest.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
static int ends[3][2], event, timer, signals;
static void *polls(void *argument) {
    int which = (int)(size_t)argument, epoll = epoll_create1(0);
    char byte;
    long sum = 0;
    struct pollfd request = {.fd = ends[which][0], .events = POLLIN};
    struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = 77}, got;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[which][0], &wanted) == 0);
    for (int i = 0; i < 100; i++) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(ends[which][0], &set);
        if (which == 0) CHECK(poll(&request, 1, -1) == 1 && request.revents == POLLIN);
        if (which == 1) CHECK(select(ends[1][0] + 1, &set, NULL, NULL, NULL) == 1);
        if (which == 2) CHECK(epoll_wait(epoll, &got, 1, -1) == 1 && got.data.u64 == 77);
        CHECK(read(ends[which][0], &byte, 1) == 1);
        sum += byte;
    }
    return (void *)sum;
}
static void *counts(void *argument) {
    uint64_t sum = 0, value;
    struct signalfd_siginfo info;
    for (int i = 0; i < 5; i++) CHECK(read(timer, &value, 8) == 8 && value >= 1);
    for (; sum < 500; sum += value) CHECK(read(event, &value, 8) == 8);
    CHECK(read(signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1);
    (void)argument;
    return (void *)sum;
}
int main(void) {
    pthread_t thread[4];
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++) CHECK(pipe(ends[i]) == 0);
    event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), signals = signalfd(-1, &set, 0);
    CHECK(timerfd_settime(timer, 0, &(struct itimerspec){{0, 2000000}, {0, 2000000}}, NULL) == 0);
    for (size_t i = 0; i < 3; i++) pthread_create(&thread[i], NULL, polls, (void *)i);
    pthread_create(&thread[3], NULL, counts, NULL);
    for (int i = 0; i < 100; i++) {
        for (int j = 0; j < 3; j++) CHECK(write(ends[j][1], &(char){(char)i}, 1) == 1);
        CHECK(write(event, &(uint64_t){5}, 8) == 8);
    }
    usleep(20000);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    for (int i = 0; i < 4; i++) {
        void *sum;
        pthread_join(thread[i], &sum);
        printf("%ld\n", (long)sum);
    }
    return 0;
}

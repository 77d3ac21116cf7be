// select, poll, ppoll and epoll: what they leave in their arguments, time left, edge and level.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
int main(void) {
    int ends[2], other[2];
    CHECK(pipe(ends) == 0 && pipe(other) == 0 && write(ends[1], "x", 1) == 1);
    fd_set readers, writers;
    FD_ZERO(&readers);
    FD_ZERO(&writers);
    FD_SET(ends[0], &readers), FD_SET(other[0], &readers), FD_SET(other[1], &writers);
    struct timeval left = {5, 0};
    CHECK(select(64, &readers, &writers, NULL, &left) == 2);
    CHECK(FD_ISSET(ends[0], &readers) && !FD_ISSET(other[0], &readers) && left.tv_sec <= 5);
    struct pollfd polled[3] = {{ends[0], POLLIN, 77}, {-5, POLLIN, 77}, {other[1], POLLOUT | POLLIN, 77}};
    CHECK(poll(polled, 3, 100) == 2);
    printf("%x %x %x\n", polled[0].revents, polled[1].revents, polled[2].revents);
    struct timespec moment = {0, 1000000};
    polled[0].fd = other[0];
    CHECK(ppoll(polled, 1, &moment, NULL) == 0 && polled[0].revents == 0);
    int epoll = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(3, EFD_SEMAPHORE), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, events[8];
    memset(events, 'e', sizeof events);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) == 0);
    event.events = EPOLLIN | EPOLLET, event.data.u64 = 2;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
    CHECK(timerfd_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 2000000}}, NULL) == 0);
    CHECK(epoll_wait(epoll, events, 8, 1000) == 1 && events[0].data.u64 == 0x1122334455667788);
    CHECK(((char *)&events[1])[0] == 'e');
    uint64_t value;
    for (int i = 0; i < 3; i++) CHECK(read(counter, &value, 8) == 8 && value == 1);
    CHECK(epoll_pwait(epoll, events, 8, 1000, NULL) == 1 && events[0].data.u64 == 2);
    CHECK(epoll_wait(epoll, events, 8, 0) == 0 && read(timer, &value, 8) == 8 && value == 1);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, timer, NULL) == 0 && epoll_ctl(epoll, EPOLL_CTL_DEL, timer, NULL) == -1);
    CHECK(close(other[1]) == 0 && poll(polled, 1, 0) == 1);
    printf("%x, left over %d\n", polled[0].revents, (int)hash_bytes(&events[2], 12));
    return 0;
}

// While one thread waits in a call, another one writes beside what the kernel will write there: that stays.
#include "guest.h"
#include <mqueue.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/msg.h>
enum { MARK = 0x5a };
static int ends[2], queue, posix_queue;
static _Atomic int begun;
static struct pollfd polled = {.events = POLLIN};
static struct epoll_event events[8];
static struct { long type; char text[64]; } message;
static char posix_message[8192];
static struct timespec remaining;
static siginfo_t child;
static void *waits(void *how) {
    struct timespec pause = {.tv_nsec = 100000000};
    struct epoll_event wanted = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    polled.fd = ends[0];
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &wanted) == 0);
    begun = 1;
    switch (*(const char *)how) {
    case 'p': CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLIN); break;
    case 'e': CHECK(epoll_wait(epoll, events, 8, -1) == 1 && events[0].events == EPOLLIN); break;
    case 'm': CHECK(msgrcv(queue, &message, sizeof message.text, 0, 0) == 5); break;
    case 'q': CHECK(mq_receive(posix_queue, posix_message, sizeof posix_message, NULL) == 5); break;
    case 'n': CHECK(nanosleep(&pause, &remaining) == 0); break;
    case 'w': CHECK(waitid(P_ALL, 0, &child, WEXITED) == 0 && child.si_status == 3); break;
    }
    return how;
}
int main(void) {
    struct timespec pause = {.tv_nsec = 20000000};
    queue = msgget(IPC_PRIVATE, 0600);
    posix_queue = mq_open("/wait_scratch", O_RDWR | O_CREAT, 0600, NULL);
    mq_unlink("/wait_scratch");
    for (const char *how = "pemqnw"; *how; how++) {
        pthread_t thread;
        int pid = 0, go[2];
        CHECK(pipe(ends) == 0 && pipe(go) == 0);
        if (*how == 'w' && (pid = fork()) == 0) _exit(read(go[0], &go, 1) == 1 ? 3 : 4);
        begun = 0;
        pthread_create(&thread, NULL, waits, (void *)how);
        while (!begun) sched_yield();
        nanosleep(&pause, NULL);
        polled.events = POLLIN | POLLPRI, events[5].data.u64 = MARK, message.text[40] = MARK;
        posix_message[5000] = MARK, remaining.tv_nsec = MARK, ((char *)&child)[100] = MARK;
        struct { long type; char text[5]; } sent = {7, "hello"};
        if (*how == 'm') CHECK(msgsnd(queue, &sent, 5, 0) == 0);
        if (*how == 'q') CHECK(mq_send(posix_queue, "hello", 5, 0) == 0);
        CHECK(write(ends[1], "x", 1) == 1 && write(go[1], "x", 1) == 1);
        pthread_join(thread, NULL);
        printf("%c: %d %d %d %d %d %d\n", *how, polled.events == (POLLIN | POLLPRI), events[5].data.u64 == MARK,
               message.text[40] == MARK, posix_message[5000] == MARK, remaining.tv_nsec == MARK, ((char *)&child)[100] == MARK);
    }
    return msgctl(queue, IPC_RMID, NULL);
}

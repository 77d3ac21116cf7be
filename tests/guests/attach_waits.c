/* Threads inside calls that wait: each goes on waiting, and gets what comes. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int ends[5][2];

static void *polls(void *unused)
{
    struct epoll_event wanted = {.events = EPOLLIN}, found;
    int all = epoll_create1(0);
    epoll_ctl(all, EPOLL_CTL_ADD, ends[0][0], &wanted);
    return (void *)(long)(unused ? 0 : epoll_wait(all, &found, 1, -1));
}

static void *reads(void *unused)
{
    char byte = 0;
    return (void *)(long)(unused ? 0 : read(ends[1][0], &byte, 1) + byte);
}

static void *receives(void *unused)
{
    char byte = 0;
    return (void *)(long)(unused ? 0 : recv(ends[2][0], &byte, 1, MSG_WAITALL) + byte);
}

/* A stop interrupts it for good, as it has a time limit (signal(7)). */
static void *receives_in_time(void *unused)
{
    struct timeval limit = {100, 0};
    char byte = 0;
    setsockopt(ends[4][0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return (void *)(long)(unused ? 0 : recv(ends[4][0], &byte, 1, 0) + byte);
}

static void *takes(void *unused)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    return (void *)(long)(unused ? 0 : sigwaitinfo(&wanted, 0));
}

int main(int count, char **words)
{
    void *(*bodies[])(void *) = {polls, reads, receives, takes, receives_in_time};
    pthread_t threads[5];
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    for (int i = 0; i < 5; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]) || pthread_create(&threads[i], 0, bodies[i], 0))
            return 1;
    printf("ready\n");
    fflush(stdout);
    while (count == 2 && access(words[1], F_OK))
        poll(0, 0, 2);
    for (int i = 0; i < 5; i++) {
        void *result;
        if (i != 3 ? write(ends[i][1], "a", 1) != 1 : pthread_kill(threads[i], SIGUSR1))
            return 2;
        pthread_join(threads[i], &result);
        printf("%d %ld\n", i, (long)result);
    }
    return 3;
}

// Calls that wait, with two threads, and have answers for memory that can only be read.
#include "guest.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/msg.h>
static int hold[2];
static void *waits(void *argument) {
    char byte;
    CHECK(read(hold[0], &byte, 1) == 1);
    return argument;
}
static void nothing(int number, siginfo_t *information, void *context) { (void)number, (void)information, (void)context; }
static void show(const char *what, long result) { printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : ""); }
int main(void) {
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2], queue = msgget(IPC_PRIVATE, 0600), epoll = epoll_create1(0);
    struct { long type; char text[4]; } message = {1, "abc"};
    struct epoll_event wanted = {.events = EPOLLIN};
    struct timespec long_time = {100, 0};
    struct itimerval soon = {.it_value = {0, 20000}};
    pthread_t thread;
    CHECK(pipe(hold) == 0 && pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &wanted) == 0);
    pthread_create(&thread, NULL, waits, NULL);
    memcpy(map, &(struct pollfd){ends[0], POLLIN, 0}, sizeof(struct pollfd));
    memcpy(map + 64, &(struct timeval){0, 1000}, sizeof(struct timeval));
    CHECK(mprotect(map, 4096, PROT_READ) == 0);
    show("poll", poll((struct pollfd *)map, 1, -1));
    show("select", syscall(SYS_select, 0, NULL, NULL, NULL, map + 64));
    show("ppoll", syscall(SYS_ppoll, NULL, 0, map + 64, NULL, 8));
    show("epoll_wait", epoll_wait(epoll, (struct epoll_event *)map, 1, -1));
    CHECK(msgsnd(queue, &message, 4, 0) == 0);
    show("msgrcv", msgrcv(queue, map, 4, 0, 0));
    pid_t child = fork();
    if (child == 0) _exit(5);
    show("waitid", waitid(P_PID, (id_t)child, (siginfo_t *)map, WEXITED | WNOWAIT));
    show("wait4", wait4(child, (int *)map, 0, NULL) < 0 ? -1 : 0);
    on_signal(SIGALRM, nothing, 0);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    show("nanosleep", nanosleep(&long_time, (struct timespec *)map));
    CHECK(write(hold[1], "x", 1) == 1);
    pthread_join(thread, NULL);
    return msgctl(queue, IPC_RMID, NULL);
}

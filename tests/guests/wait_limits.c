// Calls that give up waiting by themselves, while another thread runs: sockets with a timeout, terminals.
#include "guest.h"
#include <pthread.h>
#include <termios.h>
static volatile int over;
static void *runs(void *argument) {
    struct timespec pause = {.tv_nsec = 2000000};
    while (!over) nanosleep(&pause, NULL);
    return argument;
}
int main(void) {
    pthread_t thread;
    int pair[2], listener = socket(AF_UNIX, SOCK_STREAM, 0), terminal = posix_openpt(O_RDWR | O_NOCTTY);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval soon = {.tv_usec = 30000};
    char room[8];
    struct msghdr message = {.msg_iov = &(struct iovec){room, 8}, .msg_iovlen = 1};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) == 0 && listen(listener, 1) == 0);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    CHECK(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int line = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    struct termios settings;
    CHECK(line >= 0 && tcgetattr(line, &settings) == 0);
    settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO), settings.c_cc[VMIN] = 0, settings.c_cc[VTIME] = 1;
    CHECK(tcsetattr(line, TCSANOW, &settings) == 0);
    pthread_create(&thread, NULL, runs, NULL);
    CHECK(read(pair[0], room, 8) == -1 && errno == EAGAIN);
    CHECK(recv(pair[0], room, 8, 0) == -1 && errno == EAGAIN);
    CHECK(recv(pair[0], room, 8, MSG_WAITALL) == -1 && errno == EAGAIN);
    CHECK(recvmsg(pair[0], &message, 0) == -1 && errno == EAGAIN);
    CHECK(accept(listener, NULL, NULL) == -1 && errno == EAGAIN);
    CHECK(write(pair[1], "abc", 3) == 3 && recv(pair[0], room, 8, MSG_WAITALL) == 3);
    CHECK(read(line, room, 8) == 0);
    CHECK(write(terminal, "x", 1) == 1 && read(line, room, 8) == 1);
    settings.c_cc[VTIME] = 0;
    CHECK(tcsetattr(line, TCSANOW, &settings) == 0 && read(line, room, 8) == 0);
    over = 1;
    pthread_join(thread, NULL);
    puts("all gave up");
    return 0;
}

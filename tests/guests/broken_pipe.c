// SIGPIPE: by default it kills, ignored it is EPIPE, handled it is both; MSG_NOSIGNAL is neither.
#include "guest.h"
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    caught = number;
}
int main(void) {
    int ends[2], pair[2];
    CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
    pid_t child = fork();
    if (child == 0) _exit((int)write(ends[1], "x", 1));
    printf("killed by %d\n", WTERMSIG(wait_status(child)));
    signal(SIGPIPE, SIG_IGN);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
    on_signal(SIGPIPE, handler, 0);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && caught == SIGPIPE);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && close(pair[0]) == 0);
    caught = 0;
    CHECK(send(pair[1], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && caught == 0);
    CHECK(send(pair[1], "x", 1, 0) == -1 && errno == EPIPE && caught == SIGPIPE);
    printf("handled\n");
    return 0;
}

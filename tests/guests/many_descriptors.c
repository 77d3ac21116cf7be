// 2,000 open descriptors: pipes and sockets, each of which works; polled and read back.
#include "guest.h"
enum { COUNT = 1000 };
int main(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    static int ends[COUNT][2];
    static struct pollfd polled[COUNT];
    for (int i = 0; i < COUNT; i++) {
        CHECK(i % 3 ? pipe(ends[i]) == 0 : socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]) == 0);
        CHECK(fcntl(ends[i][0], F_GETFD) == 0 && fcntl(ends[i][1], F_GETFD) == 0);
        polled[i] = (struct pollfd){ends[i][0], POLLIN, 0};
    }
    for (int i = 0; i < COUNT; i += 7) CHECK(write(ends[i][1], &i, sizeof i) == sizeof i);
    int ready = poll(polled, COUNT, 1000), sum = 0, value;
    for (int i = 0; i < COUNT; i++)
        if (polled[i].revents) {
            CHECK(read(ends[i][0], &value, sizeof value) == sizeof value && value == i);
            sum += value;
        }
    pid_t child = fork();
    if (child == 0) _exit(write(ends[COUNT - 1][1], "x", 1) == 1 ? 1 : 2);
    printf("%d ready, sum %d, child %d\n", ready, sum, WEXITSTATUS(wait_status(child)));
    return 0;
}

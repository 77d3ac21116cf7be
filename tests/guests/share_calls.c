// System calls that write into shared memory, and that wait on it: what one process reads from a
// pipe or a socket the other one sees; a futex between processes, with and without a timeout.
#include "guest.h"
#include <linux/futex.h>
struct shared {
    int futex;
    char read[32], received[32];
    struct timespec time;
    int status;
};
static long futex(int *word, int operation, int value, const struct timespec *timeout) {
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}
int main(void) {
    struct shared *all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pipes[2], sockets[2];
    CHECK(all != MAP_FAILED && pipe(pipes) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(read(pipes[0], all->read, 32) == 6);
        CHECK(recv(sockets[0], all->received, 32, 0) == 7);
        CHECK(clock_gettime(CLOCK_REALTIME, &all->time) == 0);
        pid_t grandchild = fork();
        if (grandchild == 0) _exit(3);
        CHECK(waitpid(grandchild, &all->status, 0) == grandchild);
        __atomic_store_n(&all->futex, 1, __ATOMIC_SEQ_CST);
        futex(&all->futex, FUTEX_WAKE, 1, NULL);
        while (__atomic_load_n(&all->futex, __ATOMIC_SEQ_CST) == 1) futex(&all->futex, FUTEX_WAIT, 1, NULL);
        _exit(0);
    }
    struct timespec moment = {0, 2000000};
    CHECK(futex(&all->futex, FUTEX_WAIT, 0, &moment) == -1);
    CHECK(write(pipes[1], "piped", 6) == 6);
    CHECK(send(sockets[1], "socket", 7, 0) == 7);
    while (__atomic_load_n(&all->futex, __ATOMIC_SEQ_CST) == 0) futex(&all->futex, FUTEX_WAIT, 0, NULL);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    CHECK(now.tv_sec - all->time.tv_sec < 600 && all->status == 3 << 8);
    printf("%s %s\n", all->read, all->received);
    __atomic_store_n(&all->futex, 2, __ATOMIC_SEQ_CST);
    futex(&all->futex, FUTEX_WAKE, 1, NULL);
    CHECK(wait_status(child) == 0);
    return 0;
}

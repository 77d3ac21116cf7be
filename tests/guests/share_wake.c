// A process that asks over and over whether another one sleeps on a futex, and wakes it: the one that is woken
// has its turn long before the slice of the other is over. With slices of 20 ms this takes 10 seconds and a hundred times the events.
#include "guest.h"
#include <linux/futex.h>
enum { ROUNDS = 500 };
int main(void) {
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < ROUNDS; i++, shared[1]++)
            while (syscall(SYS_futex, &shared[0], FUTEX_WAIT, 0, NULL, NULL, 0) != 0) CHECK(errno == EINTR);
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++)
        while (syscall(SYS_futex, &shared[0], FUTEX_WAKE, 1, NULL, NULL, 0) == 0) continue;
    CHECK(wait_status(child) == 0);
    printf("woken %d times\n", shared[1]);
    return 0;
}

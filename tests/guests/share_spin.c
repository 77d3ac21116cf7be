// Two processes that spin on a flag in shared memory: neither makes a system call.
#include "guest.h"
enum { ROUNDS = 6 };
int main(void) {
    volatile int *flag = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(flag != MAP_FAILED);
    pid_t child = fork();
    int own = child == 0;
    for (int i = 0; i < ROUNDS; i++) {
        while (flag[0] != 2 * i + own) {}
        flag[1] += i;
        flag[0]++;
    }
    if (own) _exit(0);
    CHECK(wait_status(child) == 0);
    printf("%d %d\n", flag[0], flag[1]);
    return 0;
}

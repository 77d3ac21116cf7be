// Memory shared between a parent and its child.
#include "guest.h"
int main(void) {
    volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        shared[0] = 41;
        _exit(1);
    }
    CHECK(wait_status(child) == 1 << 8);
    shared[0]++;
    printf("%d\n", shared[0]);
    return 0;
}

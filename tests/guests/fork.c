// fork: the child has its own memory, pid and buffered output; the parent collects it.
#include "guest.h"
static int shared_before = 1;
int main(void) {
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            shared_before += i;
            CHECK(getpid() != getppid());
            pid_t grandchild = fork();
            if (grandchild == 0) _exit(shared_before + 10);
            _exit(WEXITSTATUS(wait_status(grandchild)) + 100);
        }
        printf("child %d ended with %d\n", i, WEXITSTATUS(wait_status(child)));
    }
    printf("the parent still has %d\n", shared_before);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    return 0;
}

// Orphans: a grandchild outlives its parent, is adopted (by a subreaper), and still writes.
#include "guest.h"
#include <sys/prctl.h>
int main(void) {
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t middle = getpid();
        if (fork() == 0) {
            while (getppid() == middle) usleep(1000);
            CHECK(write(ends[1], "adopted", 7) == 7);
            _exit(21);
        }
        _exit(20);
    }
    printf("child %d\n", WEXITSTATUS(wait_status(child)));
    char text[16] = {0};
    CHECK(read(ends[0], text, 7) == 7);
    int status;
    CHECK(wait(&status) > 0);
    printf("%s, grandchild %d\n", text, WEXITSTATUS(status));
    fflush(stdout);
    pid_t first = getpid();
    if (fork() == 0) {
        setsid();
        while (getppid() == first) usleep(1000);
        _exit(write(1, "after the first process ended\n", 30) != 30);
    }
    return 0;
}

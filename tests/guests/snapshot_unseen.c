// What a copy of the process could be seen by: children to wait for, ends of pipes, locks of files, descriptors, names.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include "guest.h"
static void calls(void) {
    for (int i = 0; i < 20; i++) CHECK(getppid() > 0);
}
int main(void) {
    calls();
    CHECK(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
    int ends[2];
    CHECK(pipe(ends) == 0);
    calls();
    close(ends[1]);
    char byte;
    CHECK(read(ends[0], &byte, 1) == 0);  // nobody else has the other end
    char path[] = "locked-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0 && unlink(path) == 0 && flock(file, LOCK_EX) == 0);
    calls();
    int again = open("/proc/self/fd/4", O_RDWR);
    close(file);
    CHECK(again < 0 || flock(again, LOCK_EX | LOCK_NB) == 0);  // the lock went with its only descriptor
    CHECK(prctl(PR_SET_NAME, "renamed") == 0);
    calls();
    pid_t child = fork();
    if (child == 0) {
        calls();
        _exit(7);
    }
    calls();
    CHECK(WEXITSTATUS(wait_status(child)) == 7);
    calls();
    CHECK(waitpid(-1, NULL, __WALL) == -1 && errno == ECHILD);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    calls();
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    printf("unseen\n");
    return 0;
}

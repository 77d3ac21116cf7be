// A set-user-id program: refused clearly when it would change the user (we are not root), else it runs.
#include "guest.h"
int main(void) {
    CHECK(setvbuf(stdout, NULL, _IOLBF, 0) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(dup2(open("/dev/null", O_WRONLY), 1) == 1);
        execl("/usr/bin/passwd", "passwd", "--help", NULL);
        dprintf(2, "refused: %s\n", strerror(errno));
        _exit(6);
    }
    int status = wait_status(child);
    printf("ended on its own: %d\n", WIFEXITED(status));
    return 0;
}

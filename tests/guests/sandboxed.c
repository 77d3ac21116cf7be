// What must be declined or refused: rseq, io_uring, seccomp; each answers as documented.
#include "guest.h"
#include <sys/prctl.h>
int main(void) {
    fprintf(stderr, "io_uring_setup: %s\n", syscall(SYS_io_uring_setup, 1, NULL) == -1 ? strerror(errno) : "?");
    fprintf(stderr, "unknown call: %s\n", syscall(1000) == -1 ? strerror(errno) : "?");
    CHECK(syscall(1000) == -1 && errno == ENOSYS);
    CHECK(prctl(PR_SET_NAME, "renamed") == 0);
    char name[16];
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "renamed") == 0);
    CHECK(prctl(PR_GET_DUMPABLE) >= 0 && prctl(PR_SET_PDEATHSIG, 0) == 0);
    CHECK(prctl(-5, 0) == -1 && errno == EINVAL);
    printf("declined\n");
    return 0;
}

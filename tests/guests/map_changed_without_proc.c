// A file that one process has mapped is changed by another one that cannot look into /proc: that is noticed.
#include "guest.h"
int main(void) {
    int file = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(mkdir("empty", 0755) == 0 || errno == EEXIST);
    CHECK(write(file, "before", 6) == 6);
    int readable = open("mapped", O_RDONLY);
    CHECK(mmap(NULL, 6, PROT_READ, MAP_PRIVATE, readable, 0) != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER) == 0) CHECK(chroot("empty") == 0 && chdir("/") == 0);
        CHECK(pwrite(file, "behind", 6, 0) == 6);
        _exit(3);
    }
    printf("%x\n", wait_status(child));
    return 0;
}

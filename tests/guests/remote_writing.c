// Writes to a child's memory, or to its own when that is refused: both print the same.
#include "guest.h"
int main(void) {
    static char text[16] = "before";
    int ready[2], go[2];
    char byte;
    CHECK(pipe(ready) == 0 && pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1);
        if (byte == 'w') CHECK(strcmp(text, "after!") == 0);
        else CHECK(strcmp(text, "before") == 0);
        _exit(0);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    struct iovec here = {"after!", 6}, there = {text, 6};
    ssize_t written = process_vm_writev(child, &here, 1, &there, 1, 0);
    CHECK(written == 6 || (written == -1 && errno == EPERM));
    CHECK(write(go[1], written == 6 ? "w" : "r", 1) == 1);
    printf("%d\n", wait_status(child));
    return 0;
}

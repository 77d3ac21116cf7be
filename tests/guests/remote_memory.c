// Reading and writing by process_vm_readv and process_vm_writev: of a child, and of the process itself.
#include "guest.h"
int main(void) {
    static char text[4][16] = {"first", "second", "third", "fourth"};
    static char room[32];
    int ready[2], go[2];
    char byte;
    CHECK(pipe(ready) == 0 && pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        strcpy(text[0], "child's"), strcpy(text[2], "own");
        CHECK(write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1);
        _exit(text[0][0] == 'c' ? 3 : 4);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    struct iovec here[2] = {{room, 4}, {room + 10, 12}}, there[2] = {{text[0], 7}, {text[2], 4}};
    CHECK(process_vm_readv(child, here, 2, there, 2, 0) == 11);
    printf("%.4s|%s\n", room, room + 10);
    // Into itself: what is written shows at once, and in the replay.
    CHECK(process_vm_writev(getpid(), here, 2, &(struct iovec){text[1], 14}, 1, 0) == 14);
    printf("%.4s|%s\n", text[1], text[1] + 4);
    memset(room, 0, sizeof room);
    CHECK(process_vm_readv(getpid(), here, 1, &(struct iovec){text[3], 4}, 1, 0) == 4);
    printf("%s\n", room);
    CHECK(process_vm_readv(child, here, 1, &(struct iovec){(void *)1, 4}, 1, 0) == -1 && errno == EFAULT);
    CHECK(write(go[1], "g", 1) == 1);
    printf("child %d\n", WEXITSTATUS(wait_status(child)));
    return 0;
}

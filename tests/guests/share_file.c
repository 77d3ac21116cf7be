// Two programs that know each other by a file only: the second is executed, inherits no mapping,
// and one of them writes to the file by a system call.
#include "guest.h"
struct shared {
    volatile int stage;
    char text[100];
};
static struct shared *open_shared(const char *path) {
    int file = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0 && ftruncate(file, 4096) == 0);
    struct shared *all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(all != MAP_FAILED);
    return all;
}
static void await(struct shared *all, int stage) {
    while (all->stage < stage) usleep(500);
}
int main(int count, char **arguments) {
    struct shared *all = open_shared("shared-file");
    if (count > 1) {
        await(all, 1);
        printf("%s\n", all->text);
        strcpy(all->text, "from the second");
        all->stage = 2;
        await(all, 3);
        printf("%s\n", all->text);
        return 5;
    }
    pid_t child;
    char *again[] = {arguments[0], "second", NULL};
    CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, again, environ) == 0);
    strcpy(all->text, "from the first");
    all->stage = 1;
    await(all, 2);
    int file = open("shared-file", O_WRONLY);
    const char *text = all->text[0] == 'f' ? "by a system call" : "not so";
    CHECK(pwrite(file, text, strlen(text) + 1, offsetof(struct shared, text)) > 0);
    all->stage = 3;
    CHECK(wait_status(child) == 5 << 8);
    return unlink("shared-file");
}

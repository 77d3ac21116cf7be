// A spawned child's exec leaves nothing in the memory it shared with its parent.
#include "guest.h"
static long mapped_kilobytes(void) {
    char text[256];
    long sum = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(text, sizeof text, maps)) {
        unsigned long from, to;
        CHECK(sscanf(text, "%lx-%lx", &from, &to) == 2);
        // Code is left out: trampolines are made as calls become hot.
        if (strstr(text, " rw-p ")) sum += (long)(to - from) / 1024;
    }
    fclose(maps);
    return sum;
}
int main(void) {
    char *arguments[] = {"true", NULL}, *missing[] = {"missing", NULL};
    pid_t child;
    mapped_kilobytes();
    long before = mapped_kilobytes();
    for (int i = 0; i < 20; i++) {
        CHECK(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0);
        CHECK(wait_status(child) == 0);
        CHECK(posix_spawn(&child, "/nonexistent", NULL, NULL, missing, environ) == ENOENT);
    }
    printf("grown by %ld KiB\n", mapped_kilobytes() - before);
    return 0;
}

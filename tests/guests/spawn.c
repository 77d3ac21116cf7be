// posix_spawn, succeeding and failing, with file actions and attributes.
#include "guest.h"
int main(void) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawnattr_init(&attributes) == 0);
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    CHECK(posix_spawnattr_setsigdefault(&attributes, &defaults) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0);
    signal(SIGPIPE, SIG_IGN);
    char *arguments[] = {"sh", "-c", "echo from the shell; exit 9", NULL};
    pid_t child;
    for (int i = 0; i < 10; i++) {
        CHECK(posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environ) == 0);
        char text[64] = {0};
        CHECK(read(ends[0], text, sizeof text - 1) > 0);
        printf("%d: %d: %s", i, WEXITSTATUS(wait_status(child)), text);
    }
    char *missing[] = {"missing", NULL};
    printf("missing: %s\n", strerror(posix_spawn(&child, "/nonexistent/x", NULL, NULL, missing, environ)));
    printf("directory: %s\n", strerror(posix_spawn(&child, "/usr", NULL, NULL, missing, environ)));
    printf("not on the path: %s\n", strerror(posix_spawnp(&child, "no-such-program", NULL, NULL, missing, environ)));
    CHECK(posix_spawnp(&child, "true", NULL, NULL, (char *[]){"true", NULL}, environ) == 0);
    printf("true: %d\n", WEXITSTATUS(wait_status(child)));
    return 0;
}

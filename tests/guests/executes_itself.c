// Executes itself by the links that /proc has; with an argument, when its parent has ended.
#include "guest.h"
static int by_path(const char *path, char **arguments) { return execve(path, arguments, environ); }
int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "again")) {
        char link[4096] = "";
        CHECK(readlink("/proc/self/exe", link, sizeof link - 1) > 0);
        printf("again: %s\n", strrchr(link, '/') + 1);
        return 0;
    }
    pid_t first = getppid();
    while (argc > 1 && getppid() == first) usleep(1000);
    char *arguments[] = {"another name", "again", NULL};
    int file = open("/proc/self/exe", O_RDONLY), directory = open("/proc/self", O_RDONLY | O_DIRECTORY);
    for (int way = 0; way < 4; way++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            if (way == 0) by_path("/proc/self/exe", arguments);
            if (way == 1) by_path("/proc/thread-self/exe", arguments);
            if (way == 2) syscall(SYS_execveat, file, "", arguments, environ, AT_EMPTY_PATH);
            // Relative to the directory of the parent.
            if (way == 3) syscall(SYS_execveat, directory, "exe", arguments, environ, 0);
            _exit(errno);
        }
        printf("%d\n", WEXITSTATUS(wait_status(child)));
    }
    fflush(stdout);
    by_path("/proc/self/exe", arguments);
    return 1;
}

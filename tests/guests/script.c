// Scripts with #!: an interpreter with one argument, a chain of scripts, a missing one, no #! at all.
#include "guest.h"
static void make(const char *path, const char *text) {
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
    CHECK(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
}
static void run(const char *path, const char *argument) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, argument, NULL);
        printf("%s: %s\n", path, strerror(errno));
        fflush(stdout);
        _exit(50);
    }
    printf("status %d\n", WEXITSTATUS(wait_status(child)));
    fflush(stdout);
}
int main(void) {
    char folder[] = "/tmp/reenact-script-XXXXXX", *names[] = {"a", "b", "c", "d", "e"};
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    make("a", "#!/bin/sh -e\necho \"$# $1\"; exit 3\n");
    make("b", "#! /bin/sh\n. ./a\n");
    make("c", "#!./a\n");
    make("d", "#!/nonexistent/interpreter\n");
    make("e", "echo no interpreter\n");
    for (int i = 0; i < 5; i++) run(names[i], "an argument");
    CHECK(chmod("a", 0644) == 0);
    run("./a", "not executable");
    run("/", "a directory");
    for (int i = 0; i < 5; i++) unlink(names[i]);
    CHECK(chdir("/") == 0 && rmdir(folder) == 0);
    return 0;
}

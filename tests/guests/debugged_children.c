// What a recorded debugger follows: children of fork and vfork, and a program that is executed.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int in_child(int n) { return n * 2; }

static int make(int n) {
    int status;
    if (fork() == 0) _exit(in_child(n));
    wait(&status);
    int sum = WEXITSTATUS(status);
    if (vfork() == 0) {
        execl("/bin/true", "true", (char *)0);
        _exit(1);
    }
    wait(&status);
    return sum + WEXITSTATUS(status);
}

int main(void) {
    printf("%d\n", make(21));
    return 0;
}

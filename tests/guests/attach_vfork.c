/* A child in its parent's memory, where it stays. */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
    int status = 0;
    pid_t child = vfork();
    if (child == 0) {
        if (write(1, "ready\n", 6) != 6)
            _exit(1);
        while (count == 2 && access(words[1], F_OK))
            usleep(2000);
        _exit(3);
    }
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 2;
}

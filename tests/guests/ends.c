/* Children that end in every way there is; the parent tells how the kernel says they did. */
#include "guest.h"
#include <sys/wait.h>

static volatile int *volatile nowhere = (volatile int *)8;

static void end(int way)
{
    signal(SIGUSR1, SIG_DFL);
    switch (way) {
    case 0: abort();
    case 1: raise(SIGTERM); break;
    case 2: *nowhere = 1; break;
    case 3: _exit(7);
    case 4: __builtin_trap();
    case 5: kill(getpid(), SIGKILL); break;
    case 6: pause(); break;
    case 7: kill(getpid(), 0); _exit(6);
    case 8: raise(SIGUSR1); break;
    case 9: signal(SIGSEGV, SIG_IGN); *nowhere = 1; break;
    }
    _exit(99);
}

int main(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int way = 0; way < 10; way++) {
        pid_t child = fork();
        if (child == 0)
            end(way);
        if (way == 6) {
            usleep(50000);
            kill(child, SIGINT);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("%d\n", status);
    }
    return 3;
}

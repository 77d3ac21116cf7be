/* Two processes count in memory that they share, and log much meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    enum { times = 40000, size = 1024 };
    volatile long *shared = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char random[size];
    int urandom = open("/dev/urandom", O_RDONLY);
    pid_t child = fork();
    for (int i = 0; i < times; i++) {
        if (read(urandom, random, sizeof random) != sizeof random)
            abort();
        shared[child == 0] += random[0] & 1;
    }
    if (child == 0)
        return 0;
    waitpid(child, 0, 0);
    printf("%d\n", shared[0] + shared[1] > 0);
    return 0;
}

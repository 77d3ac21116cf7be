// Threads write, to where it is seen at once and to a pipe that is full at times, while another one ends the process:
// by its exit, a fault, signals of its own and of its parent, another program.
#include "guest.h"
#include <pthread.h>
#include <sys/resource.h>
static int ends[2], way;
static void *writes(void *large) {
    static char many[1 << 17];
    for (;;)
        if (large ? write(ends[1], many, sizeof many) < 0 : write(1, "x", 1) < 0) return NULL;
}
static void end(void) {
    switch (way) {
    case 0: exit(7);
    case 1: __builtin_trap();
    case 2: raise(SIGTERM); break;
    case 3: kill(getpid(), SIGKILL); break;
    case 4: execl("/bin/true", "true", NULL); break;
    case 5: pause();
    }
}
int main(void) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setvbuf(stdout, NULL, _IONBF, 0);
    for (way = 0; way < 6; way++) {
        CHECK(pipe(ends) == 0);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            pthread_t threads[3];
            close(ends[0]);
            for (long i = 0; i < 3; i++) pthread_create(&threads[i], NULL, writes, (void *)(i % 2));
            usleep(20000);
            end();
        }
        close(ends[1]);
        usleep(40000);
        if (way == 5) kill(child, SIGTERM);
        static char bytes[1 << 16];
        ssize_t length, sum = 0;
        while ((length = read(ends[0], bytes, sizeof bytes)) > 0) sum += length;
        close(ends[0]);
        fprintf(stderr, "%zd bytes\n", sum);
        printf("\nend %x\n", wait_status(child));
    }
    return 0;
}

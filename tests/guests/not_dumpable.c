// A process whose files under /proc are root's, not its user's: it maps, forks, executes, and is interrupted as before.
#include "guest.h"
#include <pthread.h>
#include <sys/prctl.h>
static volatile unsigned long sum;
static volatile int is_over;
static void *computes(void *step) {
    while (!is_over) sum += (unsigned long)step;
    return NULL;
}
static void on_alarm(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    is_over = 1;
}
int main(int count, char **arguments) {
    printf("%s: dumpable %d\n", count > 1 ? arguments[1] : "first", prctl(PR_GET_DUMPABLE));
    if (count > 1) return 0;
    FILE *data = fopen("bytes", "w");
    for (int i = 0; i < 2000; i++) fprintf(data, "line %d\n", i);
    fclose(data);
    CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    int file = open("bytes", O_RDWR);
    char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    int other = open("others", O_RDWR | O_CREAT, 0600);
    CHECK(ftruncate(other, 8192) == 0);
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
    CHECK(private != MAP_FAILED && shared != MAP_FAILED);
    shared[100] = 'x';
    printf("%lx\n", (unsigned long)hash_bytes(private, 8192));
    // Much memory, so that it is watched which pages are written.
    size_t much = 48u << 20;
    char *heap = malloc(much);
    memset(heap, 1, much);
    pthread_t threads[2];
    on_signal(SIGALRM, on_alarm, 0);
    for (long i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, computes, (void *)(i + 1)) == 0);
    ualarm(300000, 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("child: dumpable %d\n", prctl(PR_GET_DUMPABLE));
        shared[200] = 'y';
        fflush(stdout);
        execl("/proc/self/exe", arguments[0], "image", NULL);
    }
    CHECK(wait_status(child) == 0);
    printf("%lx\n", (unsigned long)hash_bytes(shared, 8192));
    return 0;
}

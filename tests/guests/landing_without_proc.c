// Threads that compute in memory alone, and are preempted, where no file under /proc can be opened: there is no procfs,
// no descriptor is left, or a filter forbids it. In memory of each kind, made before and after.
#include "filters.h"
#include <pthread.h>
#include <sys/resource.h>
#define COUNTERS 7
static volatile unsigned long *counters[COUNTERS], own_data;
static volatile int is_over;
static void *computes(void *first) {
    volatile unsigned long on_stack = 1;
    while (!is_over) {
        // The registers are the same in each round.
        __asm__ volatile("addq $3, %0" : "+m"(on_stack));
        for (long i = (long)first; i < COUNTERS; i += 2) __asm__ volatile("addq $5, %0" : "+m"(*counters[i]));
    }
    *counters[(long)first] += on_stack;
    return NULL;
}
static void on_alarm(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    is_over = 1;
}
static void *map(int protection, int flags) {
    void *at = mmap(NULL, 4 * 4096, protection, flags | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}
static void compute(void) {
    char *opened = map(PROT_NONE, MAP_PRIVATE), *grown = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
    CHECK(mprotect(opened + 4096, 2 * 4096, PROT_READ | PROT_WRITE) == 0);
    grown = mremap(grown, 4 * 4096, 64 * 4096, MREMAP_MAYMOVE);
    CHECK(grown != MAP_FAILED);
    char *data = sbrk(8192);
    void *places[COUNTERS] = {opened + 4096,  grown, grown + 63 * 4096, data, (void *)&own_data, malloc(8),
                              map(PROT_READ | PROT_WRITE, MAP_SHARED)};
    pthread_t threads[2];
    for (int i = 0; i < COUNTERS; i++) counters[i] = places[i], *counters[i] = 1;
    on_signal(SIGALRM, on_alarm, 0);
    for (long i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, computes, (void *)i) == 0);
    ualarm(180000, 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < COUNTERS; i++) fprintf(stderr, "%lx ", *counters[i]);
}
static int without_procfs(void) {
    CHECK(mkdir("empty", 0755) == 0 || errno == EEXIST);
    return unshare(CLONE_NEWUSER) == 0 && chroot("empty") == 0 && chdir("/") == 0;
}
static int without_room(void) {
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_NOFILE, &none) == 0;
}
static int without_free_descriptors(void) {
    struct rlimit few = {64, 64};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    while (dup(2) >= 0) continue;
    return errno == EMFILE;
}
static int without_permission(void) {
    no_new_privileges();
    PROGRAM(filter, LOAD(nr), IF(SYS_openat), ANSWER(SECCOMP_RET_ERRNO | EACCES), ANSWER(SECCOMP_RET_ALLOW));
    return install(&filter, 0) == 0;
}
int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    int (*ways[])(void) = {without_procfs, without_room, without_free_descriptors, without_permission};
    for (int way = 0; way < 4; way++) {
        pid_t child = fork();
        if (child == 0) {
            if (ways[way]()) {
                compute();
                CHECK(open("/proc/self/maps", O_RDONLY) < 0);
                // Its mappings are its parent's.
                is_over = 0;
                pid_t grandchild = fork();
                if (grandchild == 0) compute(), exit(0);
                CHECK(wait_status(grandchild) == 0);
            }
            exit(way);
        }
        printf("%d\n", wait_status(child) >> 8);
    }
    return 0;
}

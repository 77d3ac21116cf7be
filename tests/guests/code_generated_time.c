// Code that reads the time-stamp counter, written at run time: into memory that is writable and executable, with no
// call in between, and into memory that is executable later; by a thread that is older, a new one and a child. Clocks
// are read in between, and nobody sees that the counter is watched.
#include "guest.h"
#include <pthread.h>
#include <sys/prctl.h>
typedef unsigned long function(void);
// rdtsc; shl rdx, 32; or rax, rdx; ret, and the same with rdtscp behind a prefix.
static const unsigned char plain[] = {0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3};
static const unsigned char other[] = {0x48, 0x0f, 0x01, 0xf9, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3};
static function *first, *second;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long last;
static void compare(const char *who) {
    struct timespec before, after;
    int mode = 0, grows = 1;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
    for (int i = 0; i < 20; i++) {
        unsigned long one = first(), two = second();
        grows &= one > last && two > one;
        last = two;
    }
    CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0 && prctl(PR_GET_TSC, &mode) == 0);
    grows &= after.tv_sec > before.tv_sec || (after.tv_sec == before.tv_sec && after.tv_nsec > before.tv_nsec);
    printf("%s: %s, %d\n", who, grows ? "grows" : "goes back", mode);
}
static void *other_thread(void *who) {
    pthread_mutex_lock(&lock);
    compare(who);
    pthread_mutex_unlock(&lock);
    return NULL;
}
int main(void) {
    pthread_t older, newer;
    pthread_mutex_lock(&lock);
    CHECK(pthread_create(&older, NULL, other_thread, "older thread") == 0);
    usleep(1000);
    char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    memcpy(code, plain, sizeof plain);
    memcpy(code + 4096, other, sizeof other);
    first = (function *)code;
    last = first();
    CHECK(mprotect(code + 4096, 4096, PROT_READ | PROT_EXEC) == 0);
    second = (function *)(code + 4096);
    compare("main");
    pthread_mutex_unlock(&lock);
    pthread_join(older, NULL);
    CHECK(pthread_create(&newer, NULL, other_thread, "newer thread") == 0 && pthread_join(newer, NULL) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) compare("child"), fflush(stdout), execl("/bin/echo", "echo", "executed", NULL);
    wait_status(child);
    return 0;
}

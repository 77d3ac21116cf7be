// One process computes until another stores a word: the two share memory, and neither may send the other a signal.
// "inside", "outside": which one computes, of another pid namespace or not. "thread": one that is not the first
// of its process. "user": they are of different users. "stopped": the one that computes is stopped meanwhile.
#include "guest.h"
#include <pthread.h>
static volatile long *words;

static void *computes(void *unused) {
    (void)unused;
    long count = 0;
    words[1] = 1;
    while (words[0] == 0) count = count * 3 + 1;
    words[2] = count != 12345;
    return NULL;
}

static void computes_in_a_thread(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, computes, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void stores(void) {
    while (words[1] == 0) usleep(1000);
    usleep(30000);
    words[0] = 1;
}

// Stops the process that computes, lets the other one go on, and continues the first when it has stored.
static void stops(int *begin, int *done) {
    if (fork() != 0) return;
    char text[200];
    sprintf(text, "sleep 0.1; kill -STOP %d; echo >&%d; read word <&%d; kill -CONT %d", getppid(), begin[1], done[0],
            getppid());
    execl("/bin/sh", "sh", "-c", text, NULL);
    _exit(1);
}

int main(int argc, char **arguments) {
    CHECK(argc == 2);
    const char *kind = arguments[1];
    int is_inside = strcmp(kind, "inside") == 0 || strcmp(kind, "thread") == 0;
    int is_user = strcmp(kind, "user") == 0, is_stopped = strcmp(kind, "stopped") == 0;
    int begin[2], done[2];
    char byte;
    CHECK(pipe(begin) == 0 && pipe(done) == 0);
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(words != MAP_FAILED);
    pid_t first = fork();
    if (first == 0) _exit(unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0);
    if (wait_status(first) != 0 && !is_user) return puts("no namespaces"), 0;
    if (is_stopped) stops(begin, done);
    CHECK(is_user || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0 && is_user && getuid() == 0) CHECK(setresuid(65534, 65534, 65534) == 0);
    if ((child == 0) != is_inside) {
        if (child == 0 && is_stopped) CHECK(read(begin[0], &byte, 1) == 1);
        stores();
        if (is_stopped) CHECK(write(done[1], "\n", 1) == 1);
    } else if (strcmp(kind, "thread") == 0) {
        computes_in_a_thread();
    } else {
        computes(NULL);
    }
    if (child == 0) _exit(0);
    CHECK(wait_status(child) == 0);
    printf("%ld\n", words[2]);
    return 0;
}

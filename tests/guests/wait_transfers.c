// Two threads hand a byte to and fro by calls that move bytes between descriptors, or wait for locks.
#include "guest.h"
#include <pthread.h>
#include <sys/file.h>
#include <sys/sendfile.h>
enum { ROUNDS = 1500 };
static int there[2], middle[2], back[2], full[2], file;
static char bytes[65536];
static struct flock lock_of(short kind, int which) {
    return (struct flock){.l_type = kind, .l_start = which, .l_len = 1};
}
static void *answers(void *argument) {
    int own = open("/proc/self/exe", O_RDONLY), again = open(argument, O_RDWR);
    struct flock theirs = lock_of(F_WRLCK, 0), unlocked = lock_of(F_UNLCK, 0);
    for (int i = 0; i < ROUNDS; i++) {
        loff_t start = 0;
        CHECK(splice(there[0], NULL, middle[1], NULL, 1, 0) == 1);
        CHECK(splice(middle[0], NULL, back[1], NULL, 1, 0) == 1);
        // The pipe is full until the other thread reads, and the locks are its own until it waits for the end.
        CHECK(sendfile(full[1], own, &start, 1) == 1 && start == 1);
        CHECK(fcntl(again, F_OFD_SETLKW, &theirs) == 0 && fcntl(again, F_OFD_SETLK, &unlocked) == 0);
        CHECK(flock(again, LOCK_EX) == 0 && flock(again, LOCK_UN) == 0 && write(back[1], "b", 1) == 1);
    }
    return NULL;
}
int main(void) {
    char name[] = "lock-XXXXXX", byte;
    pthread_t thread;
    CHECK((file = mkstemp(name)) >= 0 && ftruncate(file, 1) == 0);
    CHECK(pipe(there) == 0 && pipe(middle) == 0 && pipe(back) == 0 && pipe(full) == 0);
    CHECK(fcntl(full[1], F_SETPIPE_SZ, 4096) == 4096 && write(full[1], bytes, 4096) == 4096);
    struct flock mine = lock_of(F_WRLCK, 0), unlocked = lock_of(F_UNLCK, 0);
    pthread_create(&thread, NULL, answers, name);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(fcntl(file, F_OFD_SETLKW, &mine) == 0 && flock(file, LOCK_EX) == 0);
        CHECK(write(there[1], "a", 1) == 1 && read(back[0], &byte, 1) == 1 && byte == 'a');
        CHECK(read(full[0], bytes, 4096) == 4096 && read(full[0], bytes, 1) == 1 && bytes[0] == 0x7f);
        CHECK(write(full[1], bytes, 4096) == 4096);
        CHECK(fcntl(file, F_OFD_SETLK, &unlocked) == 0 && flock(file, LOCK_UN) == 0);
        CHECK(read(back[0], &byte, 1) == 1 && byte == 'b');
    }
    pthread_join(thread, NULL);
    printf("%d rounds\n", ROUNDS);
    return unlink(name);
}

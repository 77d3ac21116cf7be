// Two threads hand a number to and fro by vmsplice, which waits at both ends of a pipe and writes through an iovec.
#include "guest.h"
#include <pthread.h>
enum { ROUNDS = 3000 };
static int there[2], back[2];
// Takes a number out of an empty pipe, in two pieces with a gap between them.
static int take(int from) {
    static _Thread_local char room[9];
    memset(room, '.', sizeof room);
    struct iovec parts[2] = {{room, 2}, {room + 6, 2}};
    CHECK(vmsplice(from, parts, 2, 0) == 4);
    CHECK(memcmp(room + 2, "....", 4) == 0 && room[8] == '.');
    int number;
    memcpy(&number, room, 2), memcpy((char *)&number + 2, room + 6, 2);
    return number;
}
// The pipe keeps the page, not a copy of it: each number has a page of its own.
static void give(int to, int number) {
    int *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    *page = number;
    CHECK(vmsplice(to, &(struct iovec){page, sizeof *page}, 1, 0) == sizeof *page);
    CHECK(munmap(page, 4096) == 0);
}
static void *answers(void *argument) {
    for (int i = 0; i < ROUNDS; i++) give(back[1], take(there[0]) + 1);
    return argument;
}
int main(void) {
    pthread_t thread;
    int number = 70000;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    pthread_create(&thread, NULL, answers, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        give(there[1], number);
        number = take(back[0]);
    }
    pthread_join(thread, NULL);
    printf("%d\n", number);
    return 0;
}

// Threads of a pool wait for the same thing, of which one takes what comes: a listener, a pipe, a socket.
#include "guest.h"
#include <pthread.h>
enum { THREADS = 4, ROUNDS = 1500 };
static int listener, jobs[2], pair[2], done[2];
static void *accepts(void *argument) {
    for (int connection; (connection = accept(listener, NULL, NULL)) >= 0; close(connection)) {
        char byte;
        CHECK(read(connection, &byte, 1) == 1 && write(connection, &byte, 1) == 1);
        if (byte == 'q') break;
    }
    return argument;
}
static void *takes(void *argument) {
    for (char job = 0; job != 'q';) {
        CHECK((argument ? read(jobs[0], &job, 1) : recv(pair[0], &job, 1, 0)) == 1);
        CHECK(write(done[1], &job, 1) == 1);
    }
    return argument;
}
static void ask(int from, int to, char job) {
    char answer;
    CHECK(write(to, &job, 1) == 1 && read(from, &answer, 1) == 1 && answer == job);
}
int main(void) {
    pthread_t threads[3 * THREADS];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)offsetof(struct sockaddr_un, sun_path);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    length += 1 + (socklen_t)sprintf(address.sun_path + 1, "pool%d", getpid());
    CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 8) == 0);
    CHECK(pipe(jobs) == 0 && pipe(done) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    for (int i = 0; i < 3 * THREADS; i++)
        pthread_create(&threads[i], NULL, i < THREADS ? accepts : takes, i < 2 * THREADS ? jobs : NULL);
    for (int i = 0; i < ROUNDS + THREADS; i++) {
        char job = i < ROUNDS ? 'a' : 'q';
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
        ask(client, client, job), ask(done[0], jobs[1], job), ask(done[0], pair[1], job);
        close(client);
    }
    for (int i = 0; i < 3 * THREADS; i++) pthread_join(threads[i], NULL);
    printf("%d rounds\n", ROUNDS);
    return 0;
}

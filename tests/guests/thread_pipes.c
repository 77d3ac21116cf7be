// Data between threads: pipes, also full ones, socket pairs, message headers, scattered reads.
#include "guest.h"
#include <pthread.h>
static int ends[2], sockets[2], back[2];
enum { TOTAL = 1 << 20 };
static void *writes(void *argument) {
    static char block[100000];
    for (int sent = 0; sent < TOTAL;) {
        for (size_t i = 0; i < sizeof block; i++) block[i] = (char)((sent + i) * 7);
        int left = TOTAL - sent;
        ssize_t count = write(ends[1], block, left < (int)sizeof block ? (size_t)left : sizeof block);
        CHECK(count > 0);
        sent += (int)count;
    }
    close(ends[1]);
    return argument;
}
static void *echoes(void *argument) {
    char first[3], second[60];
    for (;;) {
        struct iovec parts[] = {{first, sizeof first}, {second, sizeof second}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t count = recvmsg(sockets[1], &message, 0);
        CHECK(count >= 0);
        if (count == 0) return argument;
        CHECK(write(back[1], first, 3) == 3);
    }
}
int main(void) {
    pthread_t writer, echo;
    static char buffer[40000];
    uint64_t sum = 0, total = 0;
    CHECK(pipe(ends) == 0 && pipe(back) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) == 0);
    pthread_create(&writer, NULL, writes, NULL);
    pthread_create(&echo, NULL, echoes, NULL);
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0; total += (size_t)count)
        for (ssize_t i = 0; i < count; i++) sum = sum * 31 + (unsigned char)buffer[i];
    for (int i = 0; i < 300; i++) {
        char text[40], answer[4] = "";
        int length = snprintf(text, sizeof text, "%03d and more", i);
        CHECK(send(sockets[0], text, (size_t)length, 0) == length);
        struct iovec parts[] = {{answer, 1}, {answer + 1, 2}};
        CHECK(readv(back[0], parts, 2) == 3 && atoi(answer) == i);
    }
    shutdown(sockets[0], SHUT_WR);
    pthread_join(writer, NULL), pthread_join(echo, NULL);
    printf("%lu bytes, %016lx\n", total, sum);
    return 0;
}

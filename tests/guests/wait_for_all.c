// One thread waits for all it has room for; the other one sends that in parts, and runs between them.
#include "guest.h"
#include <pthread.h>
static int pair[2], stream[2];
static char name[64];
static void *sends(void *how) {
    struct timespec pause = {.tv_nsec = 60000000};
    int to = *(const char *)how == 'n' ? pair[1] : stream[1];
    for (int part = 0; part < 3; part++) {
        CHECK(send(to, "abcdefgh" + 2 * part, 2, 0) == 2);
        nanosleep(&pause, NULL);
    }
    return NULL;
}
static void fill(char *room, size_t size) {
    memset(room, '.', size);
    room[size - 1] = 0;
}
int main(void) {
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0);
    char room[3][16];
    struct iovec parts[3] = {{room[0] + 4, 1}, {room[1] + 4, 4}, {room[2] + 4, 1}};
    struct mmsghdr many[3] = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3, .msg_name = name, .msg_namelen = sizeof name};
    for (const char *how = "rmn"; *how; how++) {
        pthread_t thread;
        for (int i = 0; i < 3; i++) fill(room[i], sizeof room[i]);
        pthread_create(&thread, NULL, sends, (void *)how);
        if (*how == 'r') CHECK(recv(stream[0], room[0] + 4, 6, MSG_WAITALL) == 6);
        if (*how == 'm') {
            CHECK(recvmsg(stream[0], &message, MSG_WAITALL) == 6);
            CHECK(message.msg_iov == parts && message.msg_name == name && message.msg_namelen == 0);
        }
        if (*how == 'n') {
            for (int i = 0; i < 3; i++) many[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
            CHECK(recvmmsg(pair[0], many, 3, 0, NULL) == 3);
            for (int i = 0; i < 3; i++) CHECK(many[i].msg_hdr.msg_iov == &parts[i]);
            printf("%u%s %u%s %u%s\n", many[0].msg_len, many[0].msg_hdr.msg_flags & MSG_TRUNC ? " cut" : "", many[1].msg_len,
                   many[1].msg_hdr.msg_flags & MSG_TRUNC ? " cut" : "", many[2].msg_len, many[2].msg_hdr.msg_flags & MSG_TRUNC ? " cut" : "");
        }
        pthread_join(thread, NULL);
        printf("%c: %s %s %s\n", *how, room[0], room[1], room[2]);
    }
    return 0;
}

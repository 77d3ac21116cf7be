// sendmsg and recvmsg: several parts, descriptors by SCM_RIGHTS, credentials, truncation, sendmmsg.
#include "guest.h"
int main(void) {
    int pair[2], ends[2], one = 1;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && pipe(ends) == 0);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one) == 0);
    union { char bytes[CMSG_SPACE(8)]; struct cmsghdr align; } control = {0};
    struct iovec out[2] = {{"hello ", 6}, {"there", 5}};
    struct msghdr message = {.msg_iov = out, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET, part->cmsg_type = SCM_RIGHTS, part->cmsg_len = CMSG_LEN(8);
    memcpy(CMSG_DATA(part), ends, 8);
    CHECK(sendmsg(pair[0], &message, 0) == 11);
    char text[32] = {0}, room[256], name[64];
    struct iovec in[2] = {{text, 3}, {text + 10, 20}};
    message = (struct msghdr){.msg_name = name, .msg_namelen = sizeof name, .msg_iov = in, .msg_iovlen = 2,
                              .msg_control = room, .msg_controllen = sizeof room};
    CHECK(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC) == 11 && message.msg_flags == (int)MSG_CMSG_CLOEXEC);
    int received[2] = {-1, -1}, credentials = 0;
    for (part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_type == SCM_RIGHTS) memcpy(received, CMSG_DATA(part), 8);
        if (part->cmsg_type == SCM_CREDENTIALS) credentials = ((struct ucred *)CMSG_DATA(part))->pid == getpid();
    }
    CHECK(write(received[1], "x", 1) == 1 && read(ends[0], room, 1) == 1);
    printf("%.3s|%s, descriptors %d %d, credentials %d\n", text, text + 10, received[0], received[1], credentials);
    struct mmsghdr many[3] = {0};
    for (int i = 0; i < 3; i++) many[i].msg_hdr.msg_iov = out, many[i].msg_hdr.msg_iovlen = (size_t)(i + 1) % 3;
    CHECK(sendmmsg(pair[0], many, 3, 0) == 3 && many[1].msg_len == 11);
    for (int i = 0; i < 3; i++) many[i].msg_hdr = (struct msghdr){.msg_iov = in, .msg_iovlen = 1};
    CHECK(recvmmsg(pair[1], many, 3, MSG_DONTWAIT, NULL) == 3);
    printf("%u %u %u, truncated %d\n", many[0].msg_len, many[1].msg_len, many[2].msg_len,
           many[0].msg_hdr.msg_flags == MSG_TRUNC);
    return 0;
}

// Pointers inside vectors and message headers into memory that is not there: as natively, in part or EFAULT.
#include "guest.h"
#define NOWHERE ((void *)0x680400000000)
#define FAULTS(call) CHECK((call) == -1 && errno == EFAULT)
static int pair[2], ends[2];
static void messages(void) {
    char text[8] = "message", control[64], name[128];
    struct iovec good = {text, 8}, bad = {NOWHERE, 8};
    struct msghdr message = {.msg_iov = &bad, .msg_iovlen = 1};
    FAULTS(sendmsg(pair[0], &message, 0));
    message.msg_iov = &good, message.msg_control = NOWHERE, message.msg_controllen = 32;
    FAULTS(sendmsg(pair[0], &message, 0));
    message.msg_control = NULL, message.msg_controllen = 0, message.msg_iov = NOWHERE;
    FAULTS(sendmsg(pair[0], &message, 0));
    struct mmsghdr both[2] = {{.msg_hdr = {.msg_iov = &good, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = &bad, .msg_iovlen = 1}}};
    CHECK(sendmmsg(pair[0], both, 2, 0) == 1);
    FAULTS(sendmmsg(pair[0], both + 1, 1, 0));
    message = (struct msghdr){name, sizeof name, &good, 1, control, sizeof control, 0};
    memset(text, 0, 8);
    CHECK(recvmsg(pair[1], &message, 0) == 8 && strcmp(text, "message") == 0);
}
int main(void) {
    char first[8] = "one two", second[8];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 && pipe(ends) == 0);
    struct iovec part[3] = {{first, 4}, {NOWHERE, 0}, {NOWHERE, 16}}, all[2] = {{second, 4}, {NOWHERE, 4}};
    CHECK(writev(ends[1], part, 2) == 4);
    FAULTS(writev(ends[1], part, 3));
    FAULTS(writev(ends[1], part + 2, 1));
    CHECK(readv(ends[0], all, 2) == 4 && memcmp(second, "one ", 4) == 0);
    CHECK(write(ends[1], first, 4) == 4);
    FAULTS(readv(ends[0], all + 1, 1));
    CHECK(readv(ends[0], all, 1) == 4);
    int file = open("vectors", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && unlink("vectors") == 0);
    CHECK(pwritev(file, part, 3, 0) == 4 && pwritev2(file, part, 3, 4, 0) == 4);
    CHECK(preadv(file, all, 2, 0) == 4 && memcmp(second, "one ", 4) == 0);
    FAULTS(preadv2(file, all + 1, 1, 0, 0));
    FAULTS(vmsplice(ends[1], part + 2, 1, 0));
    struct iovec there = {NOWHERE, 8}, here = {second, 8};
    FAULTS(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
    FAULTS(process_vm_readv(getpid(), &there, 1, &here, 1, 0));
    FAULTS(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
    messages();
    printf("all as it should be\n");
    return 0;
}

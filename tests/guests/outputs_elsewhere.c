// The standard output and error under other descriptors: opened by a name, received in a message, got from a process.
#include "guest.h"
#include <sys/socket.h>
static void say(int fd, const char *text) { CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text)); }
static void send_descriptors(int through, const int *fds, size_t count) {
    char control[CMSG_SPACE(8 * sizeof(int))] = {0}, byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    CHECK(sendmsg(through, &message, 0) == 1);
}
static void receive_descriptors(int through, int *fds, size_t count, int flags) {
    char control[CMSG_SPACE(8 * sizeof(int))], byte;
    struct iovec part = {&byte, 1};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                                               .msg_controllen = sizeof control}}};
    if (flags)
        CHECK(recvmmsg(through, messages, 1, flags, NULL) == 1);
    else
        CHECK(recvmsg(through, &messages[0].msg_hdr, 0) == 1);
    struct cmsghdr *head = CMSG_FIRSTHDR(&messages[0].msg_hdr);
    CHECK(head && head->cmsg_len == CMSG_LEN(count * sizeof(int)));
    memcpy(fds, CMSG_DATA(head), count * sizeof(int));
}
int main(void) {
    int pair[2], got[3], nothing = open("/dev/null", O_WRONLY), named = open("/dev/stdout", O_WRONLY | O_APPEND);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && named >= 0 && nothing >= 0);
    say(named, "by a name\n");
    say(nothing, "nowhere\n");
    int error = open("/proc/self/fd/2", O_WRONLY | O_APPEND);
    say(error, "the error, by a name\n");
    const int sent[] = {2, nothing, 1};
    send_descriptors(pair[0], sent, 3);
    send_descriptors(pair[0], sent + 1, 2);
    fflush(stdout);
    int mine = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int copy = (int)syscall(SYS_pidfd_getfd, mine, 1, 0);
    close(1), close(named), close(error);
    receive_descriptors(pair[1], got, 3, 0);
    say(got[2], "received\n"), say(got[1], "nowhere\n"), say(got[0], "the error, received\n");
    receive_descriptors(pair[1], got, 2, MSG_CMSG_CLOEXEC);
    say(got[1], "received by another call\n"), say(got[0], "nowhere\n");
    if (copy >= 0) say(copy, "got from a process\n");
    int status;
    if (fork() == 0) {
        dup2(got[1], 1);
        execl("/bin/sh", "sh", "-c", "echo behind an execve; echo by a shell >/dev/stdout", NULL);
    }
    CHECK(wait(&status) > 0 && status == 0);
    return 0;
}

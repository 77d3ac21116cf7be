// Numbers beyond those that the program has open, named in all ways: none is open, whatever the recorder has there.
#include "guest.h"
#include <linux/fs.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/ioctl.h>
static int named(const char *format, int fd) {
    char path[64];
    snprintf(path, sizeof path, format, fd);
    struct stat status;
    return !stat(path, &status) || !lstat(path, &status) || !access(path, F_OK) || open(path, O_RDONLY) >= 0;
}
int main(void) {
    enum { END = 1100 };
    static struct pollfd all[END];
    int pair[2], found[9] = {0}, out = memfd_create("out", 0), folder = open("/proc/self/fd", O_RDONLY);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (int fd = 0; fd < END; fd++) all[fd] = (struct pollfd){fd, POLLIN | POLLOUT, 77};
    struct rlimit limit = {END, 0};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 1024);
    int polled = poll(all + 20, 1004, -1);
    struct timespec time = {3, 0};
    printf("%d %d\n", polled, ppoll(all + 900, 124, &time, NULL));
    char other[16];
    snprintf(other, sizeof other, "/proc/%d", getpid());
    for (int fd = 20; fd < 1024; fd++) {
        char control[CMSG_SPACE(sizeof fd)] = {0}, name[16];
        struct iovec byte = {"x", 1};
        struct mmsghdr message[2] = {0};
        for (int i = 0; i < 2; i++) message[i].msg_hdr.msg_iov = &byte, message[i].msg_hdr.msg_iovlen = 1;
        struct msghdr *header = &message[1].msg_hdr;
        header->msg_control = control, header->msg_controllen = sizeof control;
        struct cmsghdr *rights = CMSG_FIRSTHDR(header);
        *rights = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
        snprintf(name, sizeof name, "%d", fd);
        struct stat status;
        found[0] += sendmsg(pair[0], header, MSG_DONTWAIT) >= 0 || errno != EBADF;
        found[1] += sendmmsg(pair[0], message, 2, MSG_DONTWAIT) != 1;
        found[2] += named("/proc/self/fd/%d", fd) + named("/dev/fd/%d", fd) + named("/proc/thread-self/fdinfo/%d", fd);
        found[3] += !fstatat(folder, name, &status, 0);
        found[4] += ioctl(out, FICLONE, fd) == 0 || errno != EBADF;
        found[5] += syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, fd, 1) >= 0 || errno != EBADF;
        struct pollfd one = {fd, POLLIN, 0};
        found[6] += poll(&one, 1, 1000) != 1 || one.revents != POLLNVAL || one.fd != fd;
        found[7] += all[fd].revents != POLLNVAL;
        char taken;
        CHECK(read(pair[1], &taken, 1) == 1);
    }
    for (int way = 0; way < 8; way++) printf("%d", found[way]);
    printf("\n");
    return 0;
}

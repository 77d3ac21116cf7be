// clone3 with each flag that makes a process, with a chosen number, and with structures of every size; a descriptor that is
// fetched from a child.
#include "guest.h"
#include <linux/sched.h>
static volatile pid_t child_tid;
static void make(uint64_t flags) {
    int pidfd = -1;
    pid_t parent_tid = 0;
    uint64_t segment = 0;
    child_tid = 0;
    syscall(SYS_arch_prctl, 0x1003, &segment);
    struct clone_args a = {.flags = flags, .tls = segment, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD};
    a.pidfd = (uintptr_t)&pidfd, a.parent_tid = (uintptr_t)&parent_tid, a.child_tid = (uintptr_t)&child_tid;
    fflush(stdout);
    long child = syscall(SYS_clone3, &a, sizeof a);
    if (child == 0) syscall(SYS_exit_group, child_tid != 0 ? 3 : 2);
    int error = errno, status = -1;
    if (child > 0) waitpid((pid_t)child, &status, __WALL);
    printf("%lx: %d %x, descriptor %d, number %d\n", flags, child > 0 ? 0 : error, status, pidfd >= 0, child > 0 && parent_tid == child);
    if (pidfd >= 0) close(pidfd);
}
static void sizes(void) {
    for (size_t size = 0; size < 200; size += 8) {
        char structure[256] = "";
        memcpy(structure, &(struct clone_args){.exit_signal = SIGCHLD}, sizeof(struct clone_args));
        if (size > 176) structure[170] = 1;
        fflush(stdout);
        long child = syscall(SYS_clone3, structure, size);
        if (child == 0) _exit(1);
        printf("size %zu: %d\n", size, child > 0 ? WEXITSTATUS(wait_status((pid_t)child)) : -errno);
    }
}
static void fetch(void) {
    int ready[2], go[2];
    char byte, text[3];
    CHECK(pipe(ready) == 0 && pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(dup2(open("/etc/passwd", O_RDONLY), 77) == 77 && write(ready[1], "r", 1) == 1 && read(go[0], &byte, 1) == 1);
        _exit((int)lseek(77, 0, SEEK_CUR));
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    int of_child = (int)syscall(SYS_pidfd_open, child, 0), fetched = (int)syscall(SYS_pidfd_getfd, of_child, 77, 0);
    printf("fetched %d, read %zd\n", fetched >= 0, read(fetched, text, sizeof text));
    for (int i = 0; i < 3; i++) printf("%ld", syscall(SYS_pidfd_getfd, i == 2 ? 0 : of_child, i == 0 ? 500 : 77, i == 1)), printf(" %d\n", errno);
    CHECK(write(go[1], "g", 1) == 1);
    printf("place %d\n", WEXITSTATUS(wait_status(child)));
    printf("%ld", syscall(SYS_pidfd_getfd, of_child, 77, 0)), printf(" %d\n", errno);
}
int main(void) {
    static const uint64_t flags[] = {
        0, CLONE_FS, CLONE_FILES, CLONE_PIDFD, CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID, CLONE_UNTRACED, CLONE_SYSVSEM,
        CLONE_IO, CLONE_VFORK, CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP, CLONE_SETTLS, CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
        CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWTIME, CLONE_DETACHED, CLONE_PARENT, CLONE_SIGHAND, CLONE_THREAD,
        CLONE_VM | CLONE_VFORK, CLONE_FS | CLONE_NEWNS, CLONE_FS | CLONE_FILES | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, ~0ul};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) make(flags[i]);
    pid_t wanted = 23456;
    struct clone_args a = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
    fflush(stdout);
    long child = syscall(SYS_clone3, &a, sizeof a);
    if (child == 0) _exit(getpid() == wanted ? 9 : 8);
    printf("chosen %d\n", child > 0 ? WEXITSTATUS(wait_status((pid_t)child)) : -errno);
    sizes();
    fetch();
    return 0;
}

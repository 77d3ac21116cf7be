// Runs a program where the kernel lacks something: without dispatch|seccomp|ptrace|userfaultfd PROGRAM ARGUMENTS.
#include "guest.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
int main(int argc, char **argv) {
    CHECK(argc > 2);
    int dispatch = !strcmp(argv[1], "dispatch");
    int seccomp = !strcmp(argv[1], "seccomp"), option = dispatch || seccomp;
    uint32_t number = option ? SYS_prctl : !strcmp(argv[1], "ptrace") ? SYS_ptrace : SYS_userfaultfd;
    uint32_t error = option ? EINVAL : EPERM;
    uint32_t which = dispatch ? 59 /* PR_SET_SYSCALL_USER_DISPATCH */ : PR_SET_SECCOMP;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, which, 0, (uint8_t)(option ? 1 : 0)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    execvp(argv[2], argv + 2);
    CHECK(!"executed");
}

// What the kernel refuses, and with which error: flags, programs, rights, sizes.
#include "filters.h"
static void show(const char *what, long result) { printf("%s: %ld\n", what, result); }
static long with(const struct sock_filter *code, unsigned short length) {
    struct sock_fprog program = {length, (struct sock_filter *)code};
    return install(&program, 0);
}
int main(void) {
    static struct sock_filter many[BPF_MAXINSNS + 1];
    for (size_t i = 0; i < BPF_MAXINSNS + 1; i++) many[i] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    PROGRAM(allow, ANSWER(SECCOMP_RET_ALLOW));
    unsigned action = SECCOMP_RET_ERRNO;
    struct seccomp_notif_sizes sizes = {0, 0, 0};
    show("mode", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    // Nobody may do this without giving up new privileges, unless it administers its namespace.
    CHECK(setresgid(65534, 65534, 65534) == 0 || getuid() != 0);
    CHECK(setresuid(65534, 65534, 65534) == 0 || getuid() != 0);
    show("no rights", install(&allow, 0));
    show("no rights, bad program", with((struct sock_filter[]){BPF_STMT(0x28, 1)}, 1));
    show("no rights, bad length", with(many, 0));
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0) == -1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    show("operation", raw(SYS_seccomp, 77, 0, 0));
    show("flags", install(&allow, 1u << 9));
    show("strict with flags", raw(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, 0));
    show("strict with argument", raw(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 1));
    show("prctl mode", prctl(PR_SET_SECCOMP, 5, 0, 0, 0));
    show("pointer", install(NULL, 0));
    show("pointer, every flag", install(NULL, 7));
    show("bad pointer", install((struct sock_fprog *)16, 0));
    show("code pointer", with((struct sock_filter *)16, 1));
    show("no code", with(NULL, 1));
    show("empty", with(many, 0));
    show("too long", with(many, BPF_MAXINSNS + 1));
    show("killable without listener", install(&allow, 1u << 5));
    show("outside", with((struct sock_filter[]){BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ANSWER(0)}, 2));
    show("odd", with((struct sock_filter[]){BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 3), ANSWER(0)}, 2));
    show("half", with((struct sock_filter[]){BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), ANSWER(0)}, 2));
    show("cell", with((struct sock_filter[]){BPF_STMT(BPF_LD | BPF_MEM, 1), ANSWER(0)}, 2));
    show("no end", with((struct sock_filter[]){BPF_STMT(BPF_LD | BPF_IMM, 1)}, 1));
    show("modulo", with((struct sock_filter[]){BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ANSWER(0)}, 2));
    show("jump", with((struct sock_filter[]){BPF_STMT(BPF_JMP | BPF_JA, 1), ANSWER(0)}, 2));
    show("errno", raw(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, (long)&action));
    action = 0x12340000;
    show("no action", raw(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, (long)&action));
    show("action pointer", raw(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, 1));
    show("sizes", raw(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, (long)&sizes));
    CHECK(sizes.seccomp_notif == sizeof(struct seccomp_notif) && sizes.seccomp_data == sizeof(struct seccomp_data));
    show("mode", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    // The most there can be, one by one, until there is no room.
    int count = 0;
    while (with(many, BPF_MAXINSNS) == 0) count++;
    printf("%d of the longest\n", count);
    while (with(many, 100) == 0) count++;
    while (with(many, 1) == 0) count++;
    printf("%d in all, then %ld\n", count, with(many, 1));
    show("mode", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    show("strict", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
    return 0;
}

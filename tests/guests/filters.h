// Classic BPF for seccomp, by hand.
#ifndef FILTERS_H
#define FILTERS_H
#include "guest.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

// From asm/siginfo.h, which the C library's headers leave out.
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARGUMENT(index) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * (index))
// The instruction behind is for this value only.
#define IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))

#define PROGRAM(name, ...)                                                           \
    struct sock_filter name##_code[] = {__VA_ARGS__};                                \
    struct sock_fprog name = {sizeof name##_code / sizeof *name##_code, name##_code}

static inline long raw(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static inline long install(const struct sock_fprog *program, unsigned flags) {
    return raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)program);
}

static inline void no_new_privileges(void) { CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0); }

// How a child ends that does `body`.
#define ENDING(body)                                                                 \
    ({                                                                               \
        fflush(stdout);                                                              \
        pid_t child_ = fork();                                                       \
        if (child_ == 0) {                                                           \
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});                          \
            body;                                                                    \
            _exit(0);                                                                \
        }                                                                            \
        wait_status(child_);                                                         \
    })
#endif

// What every guest program shares: the headers, CHECK and a small hash.
#ifndef GUEST_H
#define GUEST_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
// glibc promises that its functions do not call back into the program; a signal handler does.
#define __leaf__ __nothrow__
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

// Ends the program with a message when `condition` does not hold.
#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            dprintf(2, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__,         \
                    #condition, errno);                                              \
            _exit(99);                                                               \
        }                                                                            \
    } while (0)

// FNV-1a of `length` bytes.
static inline uint64_t hash_bytes(const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

// Writes to an address that need not exist, behind the compiler's back.
static inline void write_to(uintptr_t address) {
    __asm__ volatile("movl $1, (%0)" : : "r"(address) : "memory");
}

// Waits for `pid` and returns its wait status.
static inline int wait_status(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

// Installs `handler` (three arguments) for `number` with `flags` beside SA_SIGINFO.
static inline void on_signal(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    CHECK(sigaction(number, &action, NULL) == 0);
}
#endif

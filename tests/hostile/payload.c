/* Runs natively in the replayer, wherever it is copied to: it uses nothing but its own code. What it
   comes to it writes to descriptor 1, where reports go when nobody says otherwise. */
#include "payload.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A word for what to do, then the way in, with the rest of the stack for the rest. */
asm(".text\n.globl payload_start\npayload_start: .quad 0\n"
    "and $-4096, %rsp\n mov payload_start(%rip), %rdi\n call attack\n");

static inline long call(long number, long a, long b, long c, long d, long e)
{
    register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = 0;
    asm volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return number;
}

static inline long new_process(void)
{
    return call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static inline void end(long number)
{
    char line[] = "attack: 00\n";
    line[8] += number / 10;
    line[9] += number % 10;
    call(SYS_write, 1, (long)line, sizeof line - 1, 0, 0);
    call(SYS_exit_group, 0, 0, 0, 0, 0);
}

/* As many processes as the kernel allows, each of which stays for a while. */
static inline long forks(void)
{
    for (long made = 0; made < MOST_FORKS; made++) {
        long pid = new_process();
        if (pid < 0)
            return made;
        long word = 0, time[2] = {3, 0};
        if (pid == 0) {
            call(SYS_futex, (long)&word, 0, 0, (long)time, 0);
            call(SYS_exit_group, 0, 0, 0, 0, 0);
        }
    }
    return MOST_FORKS;
}

static inline long memory(void)
{
    const long piece = 1 << 24, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    for (long taken = 0; taken < MOST_MEMORY; taken += piece) {
        long at = call(SYS_mmap, 0, piece, PROT_READ | PROT_WRITE, flags, -1);
        if (at < 0 && at > -4096)
            return at;
        for (long page = 0; page < piece; page += 4096)
            *(volatile char *)(at + page) = 1;
    }
    return 0;
}

/* Many lines to whichever descriptor takes them: a process for each, which the wrong one ends. */
static inline void reports(void)
{
    char line[] = "{\"type\":\"note\",\"process\":0,\"event\":0,\"message\":\"\\u001b[31m\"}\n";
    while (call(SYS_wait4, -1, 0, WNOHANG, 0, 0) > 0)
        ;
    for (long descriptor = 0; descriptor < MOST_DESCRIPTORS; descriptor++) {
        if (new_process() == 0) {
            for (long count = 0; count < MANY_REPORTS; count++)
                call(SYS_write, descriptor, (long)line, sizeof line - 1, 0, 0);
            call(SYS_exit_group, 0, 0, 0, 0, 0);
        }
        call(SYS_wait4, -1, 0, 0, 0, 0);
    }
}

__attribute__((used)) void attack(long what)
{
    char path[] = "/bin/echo", text[] = "attack: 42";
    long arguments[] = {(long)path, (long)text, 0}, got = 0;
    if (what == OPEN)
        got = call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0, 0);
    else if (what == SOCKET)
        got = call(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0);
    else if (what == KILL)
        got = call(SYS_kill, 0, 0, 0, 0, 0);
    else if (what == PTRACE)
        got = call(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, 0);
    else if (what == EXECVE)
        got = call(SYS_execve, (long)path, (long)arguments, (long)(arguments + 2), 0, 0);
    else if (what == EXECUTABLE)
        got = call(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    else if (what == FORKS)
        end(forks());
    else if (what == MEMORY)
        got = memory();
    else if (what == REPORTS)
        reports();
    else if (what == SILENCE)
        call(SYS_exit_group, 0, 0, 0, 0, 0);
    end(got < 0 && got > -4096 ? REFUSED : DONE);
}

asm(".text\n.globl payload_end\npayload_end:\n");

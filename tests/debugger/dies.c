/* Ends by a signal, in the way that the first argument names; with the mark of the line. */
#define _GNU_SOURCE
#include <assert.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int zero;
static volatile int *volatile nowhere = (int *)8;
static volatile unsigned long steps;

static void *raises(void *number)
{
    raise(*(int *)number); /* in a thread */
    return NULL;
}

static void in_a_thread(int number)
{
    pthread_t thread;
    pthread_create(&thread, NULL, raises, &number);
    pthread_join(thread, NULL);
}

static void from_outside(const char *what, int number)
{
    pid_t child = fork();
    if (child == 0) {
        if (strcmp(what, "spins") == 0)
            for (;;) steps++; /* spins */
        for (;;) pause(); /* sleeps */
    }
    usleep(300000);
    kill(child, number);
    waitpid(child, NULL, 0);
}

static void filtered(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {4, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
    syscall(SYS_getppid); /* filtered */
}

static void smash(volatile char *at)
{
    for (int i = 0; i < 64; i++)
        at[i] = 'x';
}

__attribute__((noinline)) static void smashed(void)
{
    char room[8];
    smash(room);
    printf("%c\n", room[2]);
}

int main(int argc, char **argv)
{
    const char *way = argv[1];
    int number = argc > 2 ? atoi(argv[2]) : 0;
    char *volatile freed = malloc(40);
    union sigval value = {.sival_int = 42};
    char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(tmpfile()), 0);
    if (!strcmp(way, "abort")) abort();
    if (!strcmp(way, "assert")) assert(zero == 1);
    if (!strcmp(way, "heap")) { free(freed); free(freed); }
    if (!strcmp(way, "smash")) smashed();
    if (!strcmp(way, "kill")) kill(getpid(), number);
    if (!strcmp(way, "queue")) sigqueue(getpid(), number, value);
    if (!strcmp(way, "thread")) in_a_thread(number);
    if (!strcmp(way, "segv")) *nowhere = 1; /* segv */
    if (!strcmp(way, "fpe")) return 7 / zero; /* fpe */
    if (!strcmp(way, "ill")) __builtin_trap(); /* ill */
    if (!strcmp(way, "trap")) __asm__("int3");
    if (!strcmp(way, "bus")) *mapped = 1; /* bus */
    if (!strcmp(way, "filtered")) filtered();
    if (!strcmp(way, "spins") || !strcmp(way, "sleeps")) from_outside(way, number);
    return 0;
}

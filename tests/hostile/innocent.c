/* Recorded, it faults at an address where it has no memory, and ends. Replayed, there is memory of the
   replayer: it leaves machine code there, and has the replayer return to it. */
#include "payload.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* REGION: crates/trace/src/layout.rs; the others: there and in crates/replayer/src/address_space.rs. */
#define CODE_CACHE (REGION + (1ul << 30))
#define STACK_END (REGION + (63ul << 30) + (8ul << 20))
#define DEPTH (64ul << 10)
#define TEXT (8ul << 20)

extern char payload_start[], payload_end[];

static sigjmp_buf innocent;

static void faulted(int number)
{
    siglongjmp(innocent, number);
}

/* Whether a word of the replayer's stack is where a call returns to. */
static int returns_to(unsigned long word)
{
    return word > REGION + 4096 && word < REGION + TEXT && ((unsigned char *)word)[-5] == 0xe8;
}

int main(int count, char **arguments)
{
    char *code = (char *)CODE_CACHE + (200ul << 20);
    signal(SIGSEGV, faulted);
    if (count != 2 || sigsetjmp(innocent, 1))
        return 0;
    /* A replay has as many processes as there were: those that have ended leave room. */
    for (int child = 0; child < 3 && atoi(arguments[1]) == REPORTS; child++)
        if (fork() == 0)
            _exit(0);
        else
            wait(NULL);
    memcpy(code, payload_start, payload_end - payload_start);
    *(long *)code = atoi(arguments[1]);
    unsigned long *stack = (unsigned long *)(STACK_END - DEPTH);
    for (unsigned long at = 0; at < DEPTH / sizeof *stack; at++)
        if (returns_to(stack[at]))
            stack[at] = (unsigned long)code + sizeof(long);
    for (;;)
        getppid();
}

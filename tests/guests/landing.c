// Loops whose registers are the same in each round while only memory differs, interrupted by a
// timer: the handler mixes what it sees into a sum, so a landing in a wrong round changes the output.
#include "guest.h"
#include <pthread.h>
static volatile uint64_t global, seen, ticks, *cell = &global;
static uint64_t wanted = 40, rounds;
static char from[4096], to[4096];
static const char program[] = "++-+>+-<";
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    seen = (seen ^ *cell ^ (uint64_t)to[5] << 32) * 0x100000001b3ul;
    ticks++;
}
// Everything lies in memory; the registers hold only addresses.
static void count_at(uint64_t *place) {
    cell = place;
    __asm__ volatile("1: incq (%0)\n mov (%1), %%rax\n cmp (%2), %%rax\n mov $0, %%eax\n jb 1b"
                     : : "r"(place), "r"(&ticks), "r"(&wanted) : "rax", "cc", "memory");
}
static void interpret(uint64_t *tape) {
    for (size_t at = 0; ticks < wanted; at = (at + 1) % (sizeof program - 1)) switch (program[at]) {
        case '+': (*tape)++; break;
        case '-': (*tape)--, global++; break;
        case '>': tape++; break;
        case '<': tape--; break;
        }
}
static void *counts_at(void *place) {
    count_at(place);
    return NULL;
}
static void recurse(int depth) {
    if (depth) recurse(depth - 1);
    global++;
}
int main(int count, char **arguments) {
    static uint64_t tape[2];
    uint64_t local = 0, *heap = calloc(1 << 20, 1);
    const char *how = arguments[1];
    pthread_t thread;
    if (count > 2) wanted = strtoull(arguments[2], NULL, 10);
    on_signal(SIGALRM, handler, SA_RESTART);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 4000}, {0, 4000}}, NULL) == 0);
    if (!strcmp(how, "global")) while (ticks < wanted) global++;
    if (!strcmp(how, "heap")) for (cell = heap + 999; ticks < wanted;) heap[999]++;
    if (!strcmp(how, "tight")) count_at((void *)&global);
    if (!strcmp(how, "stack")) count_at((void *)&local);
    if (!strcmp(how, "thread")) pthread_create(&thread, NULL, counts_at, &local), pthread_join(thread, NULL);
    if (!strcmp(how, "interpreter")) interpret(tape);
    if (!strcmp(how, "recursion")) while (ticks < wanted) recurse(20);
    if (!strcmp(how, "copy"))
        for (rounds = 0; ticks < wanted; rounds++) from[5] = (char)rounds, memcpy(to, from, sizeof to);
    if (!strcmp(how, "movs"))
        for (; ticks < wanted; global++) {
            void *d = to, *s = from;
            size_t n = sizeof to;
            from[rounds++ % sizeof from]++;
            __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
        }
    if (!strcmp(how, "spin")) __asm__ volatile("1: cmp %%rax, (%0)\n jb 1b" : : "r"(&ticks), "a"(wanted) : "memory");
    if (!strcmp(how, "page")) for (cell = heap + 512 * 100; ticks < wanted;) heap[global++ % 200 * 512]++;
    if (!strcmp(how, "float")) for (double x = 0; ticks < wanted; x += 0.5) *(volatile double *)heap = x, global++;
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    printf("%lu ticks, %016lx\n", ticks, seen);
    return 0;
}

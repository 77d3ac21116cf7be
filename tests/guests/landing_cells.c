// More loops in which only memory tells the rounds apart, and in ways that mislead a search: words
// that take the same values again and again, in an order that only the rest of memory knows.
#include "guest.h"
#include <pthread.h>
struct node {
    struct node *next;
    uint64_t visits;
};
static volatile uint64_t ticks, seen, flips, slow, state = 1;
static uint64_t wanted = 40;
static struct node ring[3] = {{ring + 1, 0}, {ring + 2, 0}, {ring, 0}};
static uint8_t cells[4096], line[96];
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    seen = (seen ^ ring[1].visits ^ state ^ flips << 7 ^ slow << 9 ^ (uint64_t)cells[9] << 17) * 0x100000001b3ul;
    ticks++;
}
// A word is now 0, now 1; another page counts how often.
static void toggle(void) {
    while (ticks < wanted) {
        flips ^= 1;
        if (flips) slow++;
    }
}
// A shift register with feedback: no value comes soon again, none is greater than those before.
static void shift(void) {
    while (ticks < wanted) state = state >> 1 ^ (-(state & 1) & 0xd800000000000000ul);
}
static void visit(void) {
    for (struct node *at = ring; ticks < wanted; at = at->next) at->visits++;
}
static void fill(void) {
    for (; ticks < wanted; state++) {
        void *to = cells;
        size_t length = sizeof cells;
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"((uint8_t)state) : "memory");
    }
}
// Cellular automaton 110: the next line from the one before, all of it in memory.
static void evolve(void) {
    for (line[95] = 1; ticks < wanted; state++)
        for (int at = 0; at < 95; at++) line[at] = 110 >> (line[(at + 94) % 95] << 2 | line[at] << 1 | line[at + 1]) & 1;
}
static void *other(void *unused) {
    while (ticks < wanted) __asm__ volatile("lock incq %0" : "+m"(slow));
    return unused;
}
int main(int count, char **arguments) {
    const char *how = arguments[1];
    pthread_t thread;
    if (count > 2) wanted = strtoull(arguments[2], NULL, 10);
    on_signal(SIGALRM, handler, SA_RESTART);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 4000}, {0, 4000}}, NULL) == 0);
    if (!strcmp(how, "toggle")) toggle();
    if (!strcmp(how, "shift")) shift();
    if (!strcmp(how, "ring")) visit();
    if (!strcmp(how, "fill")) fill();
    if (!strcmp(how, "evolve")) evolve();
    if (!strcmp(how, "both")) pthread_create(&thread, NULL, other, NULL), visit(), pthread_join(thread, NULL);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
    printf("%lu ticks, %016lx, %lu, %lx\n", ticks, seen, slow, state);
    return 0;
}

/* The pointer is published before what it points to is complete. */
#include "race.h"

struct settings {
    int size, limit;
};
static struct settings *volatile current;

static void *publish(void *unused) {
    struct settings *settings = calloc(1, sizeof *settings);
    current = settings;
    work(500);
    ((volatile struct settings *)settings)->size = 10;
    work(500);
    ((volatile struct settings *)settings)->limit = 20;
    return unused;
}

static void *use(void *unused) {
    volatile struct settings *settings = current;
    if (settings)
        check(settings->size < settings->limit, "settings were seen half made");
    return unused;
}

int main(void) {
    run_both(publish, use);
    puts("complete");
}

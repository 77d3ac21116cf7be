/* A library whose innermost function hands its registers to the test: there are frames, variables
 * and types of all kinds to be found then. */
#include <stddef.h>
#include <ucontext.h>

enum colour { RED, GREEN = 7, BLUE = -3 };

struct pair {
    short first;
    double second;
};

struct node {
    struct node *next;
    int values[4];
    struct pair pair;
    const char *name;
    enum colour colour;
    unsigned low : 3;
    int high : 5;
    union {
        int whole;
        char parts[4];
    };
};

typedef void (*callback)(ucontext_t *);

int global_count = 42;
static struct node second = {.values = {5, 6, 7, 8}, .name = "second", .colour = BLUE};
static int matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};

static __attribute__((noinline)) int leaf(callback call, struct node *node, int count)
{
    ucontext_t context;
    int sum = count + node->values[2];
    float ratio = 0.5f;
    char text[8] = "abc";
    struct node *last = node->next;

    getcontext(&context); /* here */
    call(&context); /* after */
    return sum + (int)ratio + text[0] + last->values[0] + matrix[1][1];
}

static inline __attribute__((always_inline)) int wrapped(callback call, struct node *node)
{
    int inner = node->values[0] * 3;
    return leaf(call, node, inner) + inner; /* in wrapped */
}

int entry(callback call)
{
    struct node first = {
        .next = &second, .values = {1, 2, 3, 4}, .pair = {11, 2.5}, .name = "first", .low = 5,
        .high = -2, .whole = 0x01020304, .colour = GREEN,
    };
    int result = wrapped(call, &first); /* in entry */
    return result + global_count;
}

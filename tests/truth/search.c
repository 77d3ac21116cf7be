/* A search in a tree with a shared table: pointers to pointers, recursion, arrays with a length of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct tree tree;
typedef enum { EMPTY, BLACK = 10, RED } shade;
struct tree {
    tree *child[2];
    unsigned long key;
    shade shade : 8;
    unsigned height : 4;
    union { void *data; char short_text[8]; } value;
};
struct table {
    const char *title;
    tree *root, **slots[2];
    int (*order)(const void *, const void *);
    struct { int count; struct { unsigned char on : 1, off : 7; } bits[2]; } state;
    int *numbers, number_count;
};
struct table *table;
static tree *pool[8];
static unsigned next_tree;
extern char **environ;
volatile int noise = 0;

static int ascending(const void *one, const void *other)
{
    const int *left = one, *right = other;
    return (*left > *right) - (*left < *right);
}
static __attribute__((noinline)) tree **found(tree **at, unsigned long key)
{
    tree *node = *at;
    if (node == NULL || node->key == key)
        return at;
    int side = key > node->key;
    return found(&node->child[side], key);
}
static __attribute__((noinline)) int inserted(struct table *into, unsigned long key, const char *text)
{
    tree **place = found(&into->root, key);
    if (*place)
        return 0;
    tree *made = calloc(1, sizeof *made);
    made->key = key;
    made->shade = key & 1 ? RED : BLACK;
    made->height = key % 16;
    strncpy(made->value.short_text, text, 8);
    *place = pool[next_tree++ % 8] = made;
    into->slots[key & 1] = place;
    into->state.count++;
    into->state.bits[key & 1].off += key;
    return 1;
}
static __attribute__((noinline)) long summed(int count, double weight, int values[static count])
{
    int sorted[count];
    long sum = 0;
    double shares[2][3] = { { weight } };
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, count, sizeof *sorted, table->order);
    for (int i = 0; i < count; i++) {
        int *at = &sorted[i];
        sum += *at * (i + 1);
        shares[i & 1][i % 3] += *at / weight;
        noise ^= *at;
    }
    return sum + (long)shares[1][1];
}
int main(int argc, char **argv)
{
    struct table here = { .title = "trees", .order = ascending };
    int values[] = { 5, -3, 12, 7, argc };
    long total = 0;
    table = &here;
    here.numbers = values;
    here.number_count = sizeof values / sizeof *values;
    for (int i = 0; i < 5; i++) {
        char text[12];
        snprintf(text, sizeof text, "no. %d", i);
        total += inserted(&here, (unsigned long)(i * 7919) % 23, text);
        total += summed(3 + i % 3, 0.75 + i, values);
    }
    printf("%ld %d %s\n", total, noise, argv[argc - 1] ? here.title : "");
    return 0;
}

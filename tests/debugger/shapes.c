/* Values of all kinds of C, at every level of optimization. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct bits {
    unsigned a : 3, b : 5;
    int : 4;
    int c : 7;
    unsigned flag : 1;
    unsigned long w : 40, x : 24;
    signed char tail : 2;
    unsigned long far : 61;
};
enum color { RED = 1, GREEN = 2, BLUE = -4 };
union both {
    int whole;
    float real;
    unsigned char bytes[4];
};
struct node {
    int key;
    enum color color;
    struct node *next;
    union both both;
    struct {
        short low, high;
    };
    double ratio;
    char name[12];
};
typedef struct node list;
static int grid[3][4];
unsigned long counter;
static const char *words[] = { "zero", "one", "two" };
static struct bits fields = { 5, 17, -9, 1, 0x123456789aul, 0xabcdef, -2, 0x123456789abcdeful };
long double wide = 1.25L;
__int128 huge;
_Bool is_ready;
int (*chosen)(int);

static __attribute__((noinline)) int copied(int a, int b)
{
    counter += a;
    return a * b;
}
static __attribute__((noinline)) int taken(struct node *node, int factor)
{
    return node->key * factor;
}
static inline int inlined(int value, struct node *at)
{
    int twice = value * 2;
    at->low = (short)twice;
    counter ^= twice;
    return twice + 1;
}
__attribute__((noinline)) int twice(int n)
{
    return 2 * n;
}
static __attribute__((noinline)) list *made(int count)
{
    list *first = NULL;
    for (int i = 0; i < count; i++) {
        list *new = calloc(1, sizeof *new);
        new->key = i * 11;
        new->color = i % 2 ? GREEN : BLUE;
        new->next = first;
        new->both.real = 0.5f * i;
        new->high = (short)-i;
        new->ratio = i / 3.0;
        snprintf(new->name, sizeof new->name, "node %d", i);
        first = new;
    }
    return first;
}
static __attribute__((noinline)) long walked(list *first)
{
    long sum = 0;
    int depth = 0;
    for (list *at = first; at; at = at->next, depth++) {
        sum += taken(at, depth) + copied(at->key, 7);
        sum += inlined(depth, at);
        grid[depth % 3][depth % 4] = (int)sum;
        fields.c = depth - 3;
        fields.far += depth;
        fields.w += sum;
        huge = huge * 3 + sum;
        is_ready = !is_ready;
        wide *= 1.5L;
    }
    return sum;
}
int main(int argc, char **argv)
{
    char text[16] = "local";
    int small[4] = { 1, -2, 3, argc };
    chosen = twice;
    list *first = made(6);
    long found = walked(first);
    for (int round = 0; round < 3; round++) {
        small[round] += chosen(round);
        text[round] ^= 1;
        found += walked(first) + small[round];
    }
    printf("%ld %s %s %lu %d\n", found, words[argc], text, counter, (int)(found >> 3) + (argv == 0));
    return 0;
}

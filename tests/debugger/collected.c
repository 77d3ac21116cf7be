/* Values of many types at the hits of one function: from two threads and from a signal handler. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
enum color { RED, GREEN = 5, BLUE = -3 };
struct node {
    int value;
    unsigned char small;
    unsigned low : 3, high : 12;
    int below : 5;
    unsigned long wide_part : 40;
    enum color color;
    const char *name;
    char label[8];
    double ratio;
    struct node *next;
    short pair[2][3];
    union { int whole; char *text; } either;
};
long global = -7;
unsigned counter;
static const char *const names[] = { "one", "two", "a longer one", 0 };
volatile unsigned long sink;
__attribute__((noinline, noclone)) void seen(struct node *node, int number, unsigned char small, const char *text,
                                    unsigned long index, bool truth, double ratio, const long *values)
{
    sink += number + small + index + truth + (text != 0) + (node != 0) + (ratio > 1) + values[index & 3]; /* seen */
}
static struct node *chain(int length)
{
    struct node *first = 0;
    for (int i = 0; i < length; i++) {
        struct node *node = calloc(1, sizeof *node);
        node->value = i * 1000003 * (i & 1 ? -1 : 1);
        node->small = (unsigned char)(250 + i);
        node->low = i, node->high = i * 77, node->below = i - 9, node->wide_part = i * 123456789ul;
        node->color = i % 3 == 0 ? RED : i % 3 == 1 ? GREEN : BLUE;
        node->name = names[i & 3];
        strcpy(node->label, i & 1 ? "odd" : "\"even\"");
        node->ratio = i / 8.0;
        node->pair[1][2] = (short)(i * 5000);
        node->either.text = i & 1 ? (char *)names[1] : (char *)(i * 16ul);
        node->next = first, first = node;
    }
    return first;
}
static void calls(int rounds, int begin)
{
    static const long values[] = { 1, -2, 1l << 40, -(1l << 62) };
    struct node *node = chain(rounds);
    for (int i = begin; i < begin + rounds; i++, node = node->next) {
        counter++, global *= -3;
        seen(node, i % 5 == 4 ? -i : i, (unsigned char)(i * 50), names[i & 3], i & 3, i & 1, i * 0.75, values);
    }
    seen(0, -2147483647 - 1, 255, (char *)1, 1, true, -0.0, values);
}
static void handler(int number)
{
    (void)number;
    calls(2, 1000);
}
static void *thread(void *unused)
{
    calls(6, 100);
    return unused;
}
int main(void)
{
    pthread_t other;
    signal(SIGUSR1, handler);
    pthread_create(&other, 0, thread, 0);
    calls(5, 0);
    raise(SIGUSR1);
    pthread_join(other, 0);
    calls(3, 50);
    return 0;
}

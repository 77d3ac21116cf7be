/* A stack without locks: `pop` compares the top only, which is the same node again after others
   have popped two and pushed the first back. The second is then handed out twice. */
#include "race.h"

struct node {
    struct node *_Atomic next;
    int owners;
};
static struct node nodes[3];
static struct node *_Atomic top;

static struct node *pop(int delay) {
    for (;;) {
        struct node *first = top;
        if (!first)
            return NULL;
        struct node *next = first->next;
        work(delay);
        if (__atomic_compare_exchange_n(&top, &first, next, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return first;
    }
}

static void push(struct node *node) {
    node->next = top;
    while (!__atomic_compare_exchange_n(&top, (struct node **)&node->next, node, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
}

static void *slow(void *unused) {
    for (int turn = 0; turn < 20; turn++) {
        struct node *one = pop(50), *two = pop(0);
        check(!(one && one->owners) && !(two && two->owners), "a node has two owners");
        if (two)
            push(two);
        if (one)
            push(one);
    }
    return unused;
}

static void *quick(void *unused) {
    struct node *first = pop(0), *second = pop(0);
    if (second)
        second->owners++;
    if (first)
        push(first);
    work(2000);
    return unused;
}

int main(void) {
    for (int index = 0; index < 3; index++)
        push(&nodes[index]);
    run_both(slow, quick);
    puts("each node had one owner");
}

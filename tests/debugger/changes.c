/* Values that change, are written without changing, and move from one place to another. */
#include <string.h>

struct node {
    struct node *next;
    int value;
};

static struct node first = {0, 1}, second = {0, 2}, third = {0, 2};
static struct node *head = &first;
static char name[8];
static __thread int local_to_thread = 7;

static int work(int rounds)
{
    int sum = 0; /* born */
    for (int i = 0; i < rounds; i++) {
        second.value = 2; /* the same again */
        sum += i % 2;     /* sums */
    }
    return sum;
}

int main(void)
{
    head->next = &second; /* links */
    int sum = work(40);
    head->next = &third; /* another with the same value */
    strcpy(name, "abc"); /* names */
    third.value = 5;     /* changes */
    second.value = 9;    /* of no interest any more */
    local_to_thread += sum; /* last */
    return 0; /* end */
}

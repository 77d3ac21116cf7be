/* A list of visits goes on using a user that somebody has removed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct user {
    const char *name;
    long visits;
    long age;
};

static struct user *latest;

static struct user *new_user(const char *name)
{
    struct user *made = malloc(sizeof *made);
    made->name = name;
    made->visits = made->age = 0;
    return made;
}

static void forget(struct user *user)
{
    free(user); /* guilty */
}

static void visit(struct user *user)
{
    latest = user;
    user->visits++;
}

static void report(void)
{
    long length = 0;
    for (const char *at = latest->name; *at != '\0'; at++) /* crashes */
        length++;
    printf("%s (%ld letters): %ld visits\n", latest->name, length, latest->visits);
}

int main(void)
{
    struct user *ann = new_user("ann");
    visit(ann);
    forget(ann);
    char *note = malloc(sizeof(struct user));
    memset(note, 'n', sizeof(struct user));
    report();
    free(note);
    return 0;
}

/* Accounts in a ledger: arrays of structures, bit-fields, function pointers, unions, flags, static locals. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
enum flags { NONE = 0, OPEN = 1, FROZEN = 2, AUDITED = 4 };
enum wide { LOWEST = -5000000000L, HIGHEST = 5000000000L };
struct entry;
typedef int (*rule)(const struct entry *, int);
struct amount {
    int64_t cents : 44;
    uint64_t currency : 10;
    unsigned is_debit : 1;
    signed scale : 3;
} __attribute__((packed));
struct entry {
    uint8_t kind;
    union {
        struct { uint16_t year; uint8_t month, day; };
        uint32_t date;
        float rate;
    };
    struct amount amount;
    const char *memo;
    struct entry *partner;
    enum flags flags;
    _Bool is_final : 1, is_seen : 1;
};
struct account {
    char owner[12];
    unsigned char digest[4];
    signed char grade[3];
    wchar_t label[4];
    struct entry entries[3];
    rule rules[2];
    volatile long balance;
    const struct account *const parent;
    int matrix[2][3][2];
    int (*row)[3];
    unsigned count;
    double trail[];
};
static const char *const currencies[] = { "EUR", "USD", NULL };
static struct { int hits, misses; struct { short deep; } inner; } statistics;
static int rows[2][3] = { { 1, 2, 3 }, { -4, 5, -6 } };
enum wide limit = HIGHEST;
void *opaque = &statistics;
const char **cursor = (const char **)currencies;

static int is_large(const struct entry *entry, int bound)
{
    static int asked = 40;
    asked++;
    return entry->amount.cents > bound + asked;
}
static int is_odd(const struct entry *entry, int bound)
{
    static unsigned char asked = 'c';
    asked += bound;
    return (entry->amount.cents & 1) + asked;
}
static struct account *opened(const char *owner, const struct account *parent)
{
    struct account blank = { .parent = parent, .rules = { is_large, is_odd }, .row = rows };
    struct account *made = malloc(sizeof *made + 2 * sizeof(double));
    memcpy(made, &blank, sizeof blank);
    strncpy(made->owner, owner, sizeof made->owner);
    memcpy(made->digest, "\xde\xad\"\n", 4);
    wcscpy(made->label, L"no\u00e9");
    made->trail[0] = 0.1;
    made->trail[1] = -1e300;
    return made;
}
static __attribute__((noinline)) long posted(struct account *account, int cents, enum flags flags)
{
    struct entry *entry = &account->entries[account->count++ % 3];
    struct entry before = *entry;
    unsigned short low = (unsigned short)cents;
    entry->kind = 'A' + account->count;
    entry->year = 2000 + cents % 30;
    entry->month = account->count;
    entry->amount = (struct amount) { cents, account->count % 2 ? 978 : 840, cents < 0, -(account->count % 4) };
    entry->memo = cents < 0 ? "debit" : currencies[account->count % 3];
    entry->partner = before.partner == NULL ? entry : NULL;
    entry->flags = flags | before.flags;
    entry->is_final = cents & 1;
    account->matrix[cents & 1][account->count % 3][low & 1] += cents;
    account->grade[account->count % 3] = -low;
    for (int i = 0; i < 2; i++) {
        int answer = account->rules[i](entry, i);
        answer > 1 ? statistics.hits++ : statistics.misses++;
        statistics.inner.deep -= answer;
    }
    account->balance += entry->amount.cents;
    return account->balance + before.amount.cents;
}
int main(int argc, char **argv)
{
    struct account *bank = opened("Bank", NULL), *client = opened("A client of it", bank);
    long total = argc;
    for (int i = 1; i < 9; i++) {
        total += posted(i % 2 ? bank : client, i * 1237 * (i % 3 ? 1 : -1), i % 4 == 3 ? FROZEN | OPEN : AUDITED);
        limit = i % 2 ? LOWEST : HIGHEST;
    }
    printf("%ld %d %s\n", total, statistics.hits, argv[0] ? bank->owner : "");
    return 0;
}

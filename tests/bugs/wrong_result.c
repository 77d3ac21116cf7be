/* The sum of some bills is wrong: one rate is not what it was set to. */
#include <stdio.h>

#define DAYS 7

static struct {
    int days[DAYS];
    int rates[3];
} table;

static void set_rates(void)
{
    for (int i = 0; i < 3; i++)
        table.rates[i] = 10 + i;
}

static void count_days(void)
{
    for (int i = 0; i <= DAYS; i++)
        *(table.days + i) = i * i; /* guilty */
}

static int bill(int kind, int amount)
{
    return table.rates[kind] * amount;
}

static void report(int sum)
{
    printf("%d\n", sum);
}

int main(void)
{
    set_rates();
    count_days();
    report(bill(0, 3) + bill(1, 2) + bill(2, 1));
    return 0;
}

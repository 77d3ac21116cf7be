/* Numbers of every kind of C, and what is computed with them. */
#include <complex.h>
#include <stdio.h>
#include <stdint.h>
typedef float lanes __attribute__((vector_size(16)));
typedef int16_t shorts __attribute__((vector_size(8)));
struct numbers {
    signed char c;
    unsigned char uc;
    short s;
    unsigned short us;
    int i;
    unsigned u;
    long l;
    unsigned long ul;
    __int128 big;
    unsigned __int128 ubig;
    float f;
    double d;
    long double ld;
    float complex fc;
    double complex dc;
    _Bool b;
    lanes vector;
    shorts narrow;
};
static struct numbers all;
unsigned __int128 product = 1;
long double halves[3] = { 1, -0.5L, 1e-4000L };
double specials[5] = { 1.0 / 3, -0.0, 1e22, 5e-324, 123456789 };
float singles[4] = { 0.1f, 16777216.f, -3.4e38f, 1e-45f };
static double complex root;

static __attribute__((noinline)) double mixed(int i, unsigned char uc, long double ld, float f, float complex turn)
{
    double sum = i * f + uc;
    float share = (float)(sum / (i + 3));
    long double scaled = ld * share;
    all.fc = all.fc * turn + share;
    all.dc = conj(all.fc) * sum;
    root = all.dc / 2;
    return sum + (double)scaled + crealf(turn);
}
static __attribute__((noinline)) unsigned __int128 grown(unsigned __int128 from, long by)
{
    unsigned __int128 grown = from * (unsigned long)by + 7;
    __int128 negative = -(__int128)(grown >> 1);
    all.big = negative;
    all.ubig = grown ^ (grown << 64);
    return grown;
}
static __attribute__((noinline)) long step(int round, struct numbers *into)
{
    unsigned bits = 0x9e3779b9u * (unsigned)round;
    into->c = (signed char)bits;
    into->uc = (unsigned char)(bits >> 3);
    into->s = (short)(bits >> 5);
    into->us = (unsigned short)~bits;
    into->i = (int)bits;
    into->u = bits;
    into->l = -(long)bits * 65537;
    into->ul = ~0ul / (unsigned long)(round + 1);
    into->f = bits / 7.0f;
    into->d = bits / -7.0;
    into->ld = bits / 7.0L;
    into->b = round & 1;
    into->vector += (lanes) { 1, 0.5f, -2, round };
    into->narrow += (shorts) { 1, -2, 300, (int16_t)round };
    product = grown(product, (long)bits | 1);
    return into->l ^ (long)mixed(round, into->uc, into->ld, into->f, 0.5f + round * I);
}
int main(int argc, char **argv)
{
    long found = argc;
    for (int round = 0; round < 6; round++) {
        found += step(round, &all);
        specials[0] = round ? specials[0] / found : 0.0;
        halves[1] /= 3;
        singles[0] += 0.1f;
    }
    specials[1] = specials[1] / (argv ? 0.0 : 1.0);
    singles[1] = 1.0f / (float)specials[3];
    printf("%ld %g %Lg\n", found, specials[0] + singles[0], halves[1] + crealf(all.fc));
    return 0;
}

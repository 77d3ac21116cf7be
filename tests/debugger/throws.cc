// Exceptions that pass over frames, are caught, and thrown again.
#include <stdexcept>

static volatile int total;

struct Counter {
    ~Counter() { total++; }  // destroys
};

static void thrower(int value)
{
    Counter counter;
    if (value > 2)
        throw std::runtime_error("big");  // throws
    total += value;
}

static void middle(int value)
{
    Counter counter;
    thrower(value);  // calls thrower
    total += 10;
}

int main()
{
    total = 1;  // first
    middle(1);
    try {
        middle(3);  // is left
        total += 100;
    } catch (const std::runtime_error &) {
        total += 1000;  // caught
    }
    total += 5;  // behind
    return 0;
}

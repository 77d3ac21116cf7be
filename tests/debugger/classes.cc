// Values of all kinds of C++.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>
struct Base {
    int first = 11, second = 22;
    virtual ~Base() {}
    virtual int area() const { return first; }
};
struct Left : virtual Base {
    int left = 33;
};
struct Right : virtual Base {
    int right = 44;
    int first = 99;
};
struct Both : Left, Right {
    int own = 55;
    int area() const override { return own; }
};
enum class Color : unsigned char { red = 1, green = 2 };
template <typename T> struct Box {
    T value;
    static int made;
    T get() const { return value; }
};
template <typename T> int Box<T>::made = 3;
namespace store {
int count = 5;
struct Item {
    int number;
    Color color;
    Item *next;
};
__attribute__((noinline)) int total(const Item &first)
{
    int sum = 0;
    for (const Item *at = &first; at; at = at->next)
        sum += at->number;
    count += sum;
    return sum;
}
} // namespace store
__attribute__((noinline)) int looked(Both *whole, Base &base, Right &right, Color color, Box<double> box, const std::vector<int> &numbers, int Both::*member, int (&array)[3])
{
    int sum = whole->own + base.second + (int)color + (int)box.get();
    sum += right.right;
    for (int number : numbers)
        sum += number;
    sum += whole->*member + array[1];
    return sum + whole->area();
}
int main()
{
    Both whole;
    int array[3] = {1, 2, 3};
    std::vector<int> numbers = {4, 5, 6};
    auto owned = std::make_unique<store::Item>();
    store::Item second{7, Color::red, nullptr};
    *owned = store::Item{8, Color::green, &second};
    int found = 0;
    for (int round = 0; round < 4; round++) {
        whole.own += round;
        array[1] = found;
        numbers.push_back(round);
        found += looked(&whole, whole, whole, Color::green, {2.5 * round}, numbers, &Both::own, array);
        found += store::total(*owned) + Box<double>::made;
    }
    std::printf("%d\n", found);
    return 0;
}

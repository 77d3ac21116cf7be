// Classes of many kinds: bases shared and not, members pointed to, references, what has no name.
#include <cstdio>
#include <functional>
#include <typeinfo>
struct Named {
    const char *name = "named";
    int id;
    static long made;
    explicit Named(int id) : id(id) { made++; }
    virtual ~Named() = default;
    virtual int value() const { return id; }
    int plain(int by) const { return id * by; }
};
long Named::made = 0;
struct Priced : virtual Named {
    double price = 9.5;
    int id = 1000;
    explicit Priced(int id) : Named(id) {}
};
struct Weighed : virtual Named {
    float weight = 1.25f;
    union { int whole; struct { short low, high; }; };
    explicit Weighed(int id) : Named(id), whole(0x50003) {}
    int value() const override { return whole; }
};
struct Parcel : Priced, Weighed {
    int &counter;
    int &&moved;
    const bool is_fragile;
    enum State { open, closed = 7 } state = closed;
    struct Label { char text[6]; long Parcel::*where; } label{"label", nullptr};
    long stamp = 77;
    int (Named::*rule)(int) const = &Named::plain;
    Parcel(int id, int &counter, int &&moved) : Named(id), Priced(id), Weighed(id), counter(counter), moved(static_cast<int &&>(moved)), is_fragile(id & 1) { label.where = &Parcel::stamp; }
    int value() const override { return Weighed::value() + Priced::id; }
};
struct Empty {};
struct Plain : Empty {
    int x = 1, y = 2;
};
struct Simple : Plain, private Empty {
    int z = 3;
    int Plain::*axis = &Plain::y;
};
namespace {
int secret = 5;
struct Anonymous { int part; Plain plain; } nameless{6, {}};
} // namespace
namespace outer { namespace inner { int deep = 9; Simple simple; } using inner::deep; int width = 3; }
using Reader = int (*)(const Named &);
static int read_id(const Named &named) { return named.id + named.value(); }
static __attribute__((noinline)) int weighed(Parcel &parcel, const Named *named, Weighed &&side, int Plain::*axis, int (Named::*rule)(int) const, Reader reader)
{
    Plain here;
    int &alias = here.x;
    alias += secret;
    int found = here.*axis + (named->*rule)(2) + reader(*named);
    side.low++;
    parcel.counter += found;
    parcel.moved--;
    parcel.stamp *= 3;
    outer::inner::simple.z = found;
    nameless.plain.y -= 1;
    return found + parcel.label.text[2] + (int)(parcel.*parcel.label.where);
}
int main(int argc, char **)
{
    int counter = argc, taken = 8;
    Parcel first(3, counter, static_cast<int &&>(taken));
    Named other(21);
    int total = 0;
    for (int round = 0; round < 4; round++) {
        const Named *named = round & 1 ? static_cast<const Named *>(&first) : &other;
        first.state = round & 1 ? Parcel::open : Parcel::closed;
        total += weighed(first, named, static_cast<Weighed &&>(first), round & 2 ? &Plain::x : &Plain::y, first.rule, read_id);
        outer::width += secret++;
    }
    std::printf("%d %d %ld\n", total, outer::deep, Named::made);
    return 0;
}

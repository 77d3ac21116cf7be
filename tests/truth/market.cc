// A market of orders: templates, owners, containers, texts, closures, exceptions.
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>
namespace market {
enum class Side : char { buy = 'b', sell = 's' };
struct Order {
    std::string owner;
    Side side;
    int price;
    unsigned quantity : 20, is_hidden : 1;
    std::unique_ptr<Order> next;
};
template <typename Key, int Depth> struct Level {
    Key key{};
    std::array<int, Depth> sizes{};
    static constexpr int depth = Depth;
    static int levels;
    int total() const
    {
        int sum = 0;
        for (int size : sizes)
            sum += size;
        return sum;
    }
};
template <typename Key, int Depth> int Level<Key, Depth>::levels = Depth * 2;
class Shop {
public:
    explicit Shop(std::string name) : name_(std::move(name)) { open_++; }
    int order(int price) { return order(price, Side::buy); }
    int order(int price, Side side)
    {
        auto made = std::make_unique<Order>();
        made->owner = name_ + (side == Side::buy ? "+" : " sells a lot of it");
        made->side = side;
        made->price = price;
        made->quantity = price * 3;
        made->is_hidden = price & 1;
        made->next = std::move(first_);
        first_ = std::move(made);
        prices_.push_back(price);
        book_[price].sizes[price % 3] += price;
        return best(side).value_or(-1);
    }
    std::optional<int> best(Side side) const
    {
        std::optional<int> found;
        for (const Order *at = first_.get(); at; at = at->next.get())
            if (at->side == side && (!found || at->price > *found))
                found = at->price;
        return found;
    }
    const std::vector<int> &prices() const { return prices_; }
    Level<int, 3> &level(int price) { return book_[price]; }
private:
    std::string name_;
    std::unique_ptr<Order> first_;
    std::vector<int> prices_;
    std::map<int, Level<int, 3>> book_;
    static int open_;
    friend long traded(Shop &, std::shared_ptr<Level<double, 2>>, const std::pair<int, char> &);
};
int Shop::open_ = 7;
namespace {
long hidden = -3;
Level<short, 4> shelf;
} // namespace
__attribute__((noinline)) long traded(Shop &shop, std::shared_ptr<Level<double, 2>> shared, const std::pair<int, char> &pair)
{
    long sum = hidden;
    for (const int &price : shop.prices())
        sum += price;
    auto closure = [&sum, base = pair.first](int by) { return sum * by + base; };
    shared->key += 0.5;
    shared->sizes[sum & 1]++;
    shelf.sizes[sum & 3] = shop.level(pair.first).total();
    hidden = closure(2) % 101;
    try {
        if (sum % 2)
            throw std::make_tuple(int(sum), pair.second);
    } catch (const std::tuple<int, char> &what) {
        sum += std::get<0>(what);
    }
    return sum + shared.use_count() + Shop::open_;
}
} // namespace market
int main()
{
    market::Shop shop("Corner"), empty("");
    auto shared = std::make_shared<market::Level<double, 2>>();
    std::pair<int, char> pair{4, 'p'};
    long found = 0;
    for (int round = 1; round < 6; round++) {
        pair.first = shop.order(round * 4, round % 2 ? market::Side::sell : market::Side::buy);
        pair.second++;
        found += market::traded(shop, shared, pair) + empty.order(round);
    }
    std::printf("%ld %d\n", found, market::Level<int, 3>::levels);
    return 0;
}

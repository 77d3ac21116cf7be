namespace shapes {
struct Square {
    int side;
    int area(int times) const;
};
__attribute__((noinline)) int Square::area(int times) const
{
    return side * side * times;
}
template <typename T> __attribute__((noinline)) T twice(T value)
{
    return value + value;
}
} // namespace shapes

int use(int side)
{
    shapes::Square square{side};
    return square.area(2) + shapes::twice(side);
}

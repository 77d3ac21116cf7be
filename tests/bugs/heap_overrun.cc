// A name that is too long for its field reaches the table of functions of the next object.
#include <cstdio>

struct Label {
    char text[16];
};

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

struct Square : Shape {
    double side;
    explicit Square(double length) : side(length) {}
    double area() const override { return side * side; }
};

static void name(Label *label, const char *text)
{
    int length = 0;
    for (; text[length] != '\0'; length++)
        label->text[length] = text[length]; // guilty
    std::printf("%d letters\n", length);
}

int main()
{
    Label *label = new Label;
    Shape *shape = new Square(3);
    name(label, "the square over the longest side of a triangle");
    double area = shape->area(); // crashes
    std::printf("%s: %g\n", label->text, area);
    delete shape;
    delete label;
}

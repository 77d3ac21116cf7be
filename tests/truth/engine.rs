// Shapes, texts and trees in Rust: enumerations with and without fields, traits, slices, boxes.
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Color {
    Red = 1,
    Green = 5,
}
pub enum Shape {
    Circle { radius: f64 },
    Square(u32, Color),
    Nothing,
}
pub enum Tree {
    Leaf,
    Node(Box<Branch>),
}
pub struct Branch {
    left: Tree,
    key: i32,
    right: Tree,
}
pub struct Unit;
pub struct Pair(u16, i8);
pub struct World<'a> {
    name: &'a str,
    shapes: Vec<Shape>,
    best: Option<&'a Pair>,
    limits: (i64, f32, char),
    grid: [[u8; 3]; 2],
    is_open: bool,
    huge: i128,
    flag: Option<Color>,
    maybe: Option<u64>,
    shared: Rc<i32>,
}
trait Area {
    fn area(&self) -> f64;
}
impl Area for Shape {
    fn area(&self) -> f64 {
        match self {
            Shape::Circle { radius } => radius * radius * 3.0,
            Shape::Square(side, _) => (*side as f64) * 2.0,
            Shape::Nothing => 0.0,
        }
    }
}
static mut COUNT: u64 = 3;
pub static TABLE: [i16; 4] = [1, -2, 300, -400];

#[inline(never)]
fn planted(tree: Tree, key: i32) -> Tree {
    match tree {
        Tree::Leaf => Tree::Node(Box::new(Branch { left: Tree::Leaf, key, right: Tree::Leaf })),
        Tree::Node(mut branch) => {
            if key < branch.key {
                branch.left = planted(branch.left, key);
            } else {
                branch.right = planted(branch.right, key);
            }
            Tree::Node(branch)
        }
    }
}
#[inline(never)]
fn measured(world: &mut World, area: &dyn Area, slice: &[i32], round: usize) -> f64 {
    let first = slice[round % slice.len()];
    let mut sum = area.area();
    for shape in &world.shapes {
        sum += shape.area();
    }
    world.grid[round % 2][round % 3] += first as u8;
    world.limits.0 -= first as i64;
    world.huge = world.huge * 1_000_003 - first as i128;
    world.flag = if round % 2 == 0 { Some(Color::Green) } else { None };
    world.maybe = if round % 3 == 0 { None } else { Some(round as u64) };
    world.is_open = !world.is_open;
    unsafe { COUNT += first as u64 };
    sum + TABLE[round % 4] as f64
}
fn main() {
    let pair = Pair(7, -7);
    let mut world = World {
        name: "world", shapes: vec![Shape::Nothing], best: Some(&pair), limits: (1, 0.5, 'x'), grid: [[1, 2, 3], [4, 5, 6]],
        is_open: false, huge: -1, flag: None, maybe: None, shared: Rc::new(31),
    };
    let mut tree = Tree::Leaf;
    let mut total = 0.0;
    let mut names: BTreeMap<String, i32> = BTreeMap::new();
    for round in 0..6usize {
        let shape = if round % 2 == 0 { Shape::Circle { radius: round as f64 } } else { Shape::Square(round as u32, Color::Red) };
        total += measured(&mut world, &shape, &[3, 1, 4, 1, 5], round);
        world.shapes.push(shape);
        tree = planted(tree, (round as i32 * 7) % 5);
        names.insert(format!("name {round}"), *world.shared);
    }
    let _unit = Unit;
    println!("{total} {} {} {}", world.name, names.len(), world.best.map_or(0, |best| best.0 as i32 + best.1 as i32));
    if let Tree::Node(branch) = &tree {
        println!("{}", branch.key);
    }
}
